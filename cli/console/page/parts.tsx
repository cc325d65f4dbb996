import type { ComponentChildren, JSX } from 'preact';
import type { Level } from '../../view/columns.ts';

/** Shapes that differ without colour. */
const SHAPES: Record<Level, string> = { ok: '●', warn: '▲', bad: '■' };

/** A state as a word and a shape. */
export function State({ level, state }: { level: Level; state: string }): JSX.Element {
  return (
    <span class={`state ${level}`}>
      <span aria-hidden="true">{SHAPES[level]}</span> {state}
    </span>
  );
}

/** A message about something that did not work. */
export function Problem({ text }: { text: string | undefined }): JSX.Element {
  return <p role="alert">{text}</p>;
}

/** A table that scrolls by itself where it is wider than the page. */
export function Table(of: {
  label: string;
  heads: readonly string[];
  children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={of.label}>
      <table>
        <thead>
          <tr>
            {of.heads.map((head) => (
              <th scope="col" key={head}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{of.children}</tbody>
      </table>
    </div>
  );
}
