import type { JSX } from 'preact';
import type { Trip } from '../../view/trips.ts';
import { linkTo } from './api.ts';
import { State } from './parts.tsx';
import { ago, useNow } from './state.ts';

const LEVEL = { Closed: 'ok', HalfOpen: 'warn', Open: 'bad' } as const;

/** The last changes of circuits, the newest first. */
export function Timeline({ trips }: { trips: readonly Trip[] }): JSX.Element {
  const now = useNow();
  if (trips.length === 0) return <p>No circuit under a policy has changed.</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Changes of circuits">
      <table>
        <thead>
          <tr>
            {['Ago', 'Agent', 'Circuit', 'Change', 'Pod', 'Reason'].map((name) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
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
        </tbody>
      </table>
    </div>
  );
}
