import type { JSX } from 'preact';
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
