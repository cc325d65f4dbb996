import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { TableLine } from '../answers.ts';
import { linkTo } from './api.ts';
import { State, Table } from './parts.tsx';
import { ago, useNow, type Seen } from './state.ts';

/** Lines that the table has at first, and more of at a time. */
const STEP = 200;

/** All agents, the worst first. */
export function Overview({ seen }: { seen: Seen }): JSX.Element {
  const [filter, setFilter] = useState('');
  const [trouble, setTrouble] = useState(false);
  const [most, setMost] = useState(STEP);
  const now = useNow();
  if (seen.at === undefined) return <></>;
  const wanted = seen.lines.filter(
    (line) =>
      (!trouble || line.level !== 'ok') &&
      `${line.namespace}/${line.name} ${line.state}`.toLowerCase().includes(filter.toLowerCase()),
  );
  const bad = seen.lines.filter(({ level }) => level !== 'ok').length;
  return (
    <>
      <p role="status">
        {seen.lines.length === 0
          ? 'There are no agents and no policies here.'
          : bad === 0
            ? `${seen.lines.length === 1 ? 'One agent is' : `All ${seen.lines.length} are`} well.`
            : `${bad} of ${seen.lines.length} ${bad === 1 ? 'needs' : 'need'} a look.`}
      </p>
      <form onSubmit={(event) => event.preventDefault()}>
        <label>
          Filter{' '}
          <input
            type="search"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <label>
          <input
            type="checkbox"
            checked={trouble}
            onChange={(event) => setTrouble(event.currentTarget.checked)}
          />{' '}
          Only what needs a look
        </label>
      </form>
      <Table label="Agents" heads={['State', 'Agent', 'Pods', 'Circuits', 'Since', 'Reason']}>
        {wanted.slice(0, most).map((line) => (
          <Line key={line.key} line={line} now={now} />
        ))}
      </Table>
      {wanted.length > most && (
        <button type="button" onClick={() => setMost(most + STEP)}>
          Show {Math.min(STEP, wanted.length - most)} more of {wanted.length - most}
        </button>
      )}
    </>
  );
}

function Line({ line, now }: { line: TableLine; now: number }): JSX.Element {
  const { namespace, name, kind, level, state, pods, circuits, since, reason, parts, more } = line;
  const shown = `${namespace}/${name}`;
  return (
    <tr>
      <td>
        <State level={level} state={state} />
      </td>
      <th scope="row">
        {kind === 'agent' ? (
          <a href={linkTo({ view: 'agent', namespace, name })}>{shown}</a>
        ) : (
          shown
        )}
      </th>
      <td>{pods}</td>
      <td>{circuits}</td>
      <td>{ago(since, now)}</td>
      <td class="reason">
        {reason}
        {parts.length > 0 && (
          <ul>
            {parts.map((part) => (
              <li key={`${part.kind} ${part.name}`}>
                <State level={part.level} state={part.state} /> {part.kind} {part.name}
                {part.reason === undefined ? '' : `: ${part.reason}`}
              </li>
            ))}
            {more > 0 && <li>and {more} more</li>}
          </ul>
        )}
      </td>
    </tr>
  );
}
