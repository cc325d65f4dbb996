import type { JSX } from 'preact';
import { LEVEL, type Trip } from '../../view/trips.ts';
import { linkTo } from './api.ts';
import { State, Table } from './parts.tsx';
import { ago, useNow } from './state.ts';

/** The last changes of circuits, the newest first. */
export function Timeline({ trips }: { trips: readonly Trip[] }): JSX.Element {
  const now = useNow();
  if (trips.length === 0) return <p>No circuit under a policy has changed.</p>;
  return (
    <Table
      label="Changes of circuits"
      heads={['Ago', 'Agent', 'Circuit', 'Change', 'Pod', 'Reason']}
    >
      {trips.map(({ time, namespace, agent, dependency, model, from, to, pod, reason }, at) => (
        <tr key={`${time} ${pod} ${dependency} ${at}`}>
          <td>
            <time dateTime={time} title={time}>
              {ago(time, now)}
            </time>
          </td>
          <th scope="row">
            <a href={linkTo({ view: 'agent', namespace, name: agent })}>
              {namespace}/{agent}
            </a>
          </th>
          <td>
            {dependency}
            {model === undefined ? '' : ` ${model}`}
          </td>
          <td>
            {from} → <State level={LEVEL[to]} state={to} />
          </td>
          <td>{pod}</td>
          <td class="reason">{reason}</td>
        </tr>
      ))}
    </Table>
  );
}
