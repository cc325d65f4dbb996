import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { AgentPage, ChangesPage, RequestPage } from '../answers.ts';
import { agentPath, get, post } from './api.ts';
import { Figures } from './figures.tsx';
import { Problem, State, Table } from './parts.tsx';
import { ago, useNow, type Seen } from './state.ts';
import { Timeline } from './timeline.tsx';

interface Of {
  namespace: string;
  name: string;
}

/** One agent: what is wrong, its parts, figures, requests and policies. */
export function Agent({ namespace, name, seen }: Of & { seen: Seen }): JSX.Element {
  const [page, setPage] = useState<AgentPage>();
  const [problem, setProblem] = useState<string>();
  const line = seen.lines.find(({ key }) => key === `${namespace}/${name}`);
  useEffect(() => {
    const abort = new AbortController();
    get<AgentPage>(agentPath(namespace, name), abort.signal).then(
      (found) => {
        setPage(found);
        setProblem(undefined);
      },
      (error: Error) => abort.signal.aborted || setProblem(error.message),
    );
    return () => abort.abort();
    // The line is another object whenever something of the agent has changed.
  }, [namespace, name, line]);
  return (
    <>
      <Problem text={problem} />
      {page && <Parts {...page} />}
      <h2>Figures</h2>
      <Figures namespace={namespace} name={name} />
      <h2>One request</h2>
      <Request namespace={namespace} name={name} />
      <h2>Policies</h2>
      {page?.policies.length === 0 && <p>No policy names this agent.</p>}
      {page?.policies.map((policy) => (
        <Policy key={`${policy.kind} ${policy.name}`} {...policy} />
      ))}
      <h2>Timeline</h2>
      <Timeline trips={page?.trips ?? []} />
    </>
  );
}

function Parts({ rows, findings }: AgentPage): JSX.Element {
  const now = useNow();
  return (
    <>
      {findings.length === 0 ? (
        <p>Nothing is wrong.</p>
      ) : (
        <ul class="findings">
          {findings.map(({ by, reason, message, since }) => (
            <li key={`${by} ${reason} ${message}`}>
              <strong>{reason}</strong> {message} <span class="by">{by}</span>
              {since === undefined ? '' : ` since ${ago(since, now)}`}
            </li>
          ))}
        </ul>
      )}
      <Table label="Parts" heads={['State', 'Part', 'Pods', 'Since', 'Reason']}>
        {rows.map(({ kind, name, level, state, pods, since, reason }) => (
          <tr key={`${kind} ${name}`}>
            <td>
              <State level={level} state={state} />
            </td>
            <th scope="row">
              {kind} {name}
            </th>
            <td>{pods}</td>
            <td>{ago(since, now)}</td>
            <td class="reason">{reason}</td>
          </tr>
        ))}
      </Table>
    </>
  );
}

/** The lines of the log about one request. */
function Request({ namespace, name }: Of): JSX.Element {
  const [id, setId] = useState('');
  const [found, setFound] = useState<RequestPage>();
  const [problem, setProblem] = useState<string>();
  const find = (): void => {
    setFound(undefined);
    setProblem('Looking …');
    get<RequestPage>(agentPath(namespace, name, 'requests', id.trim())).then(
      (page) => {
        setFound(page);
        const none = 'No pod has a line about it. Pods that have ended took their logs with them.';
        setProblem(page.lines.length === 0 ? none : undefined);
      },
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim() !== '') find();
        }}
      >
        <label>
          Id of the request, of the provider or of the trace{' '}
          <input value={id} onInput={(event) => setId(event.currentTarget.value)} />
        </label>
        <button type="submit">Find</button>
      </form>
      <Problem text={problem} />
      {found && found.lines.length > 0 && (
        <pre tabIndex={0}>{found.lines.map(({ pod, text }) => `[${pod}] ${text}`).join('\n')}</pre>
      )}
    </>
  );
}

/** A policy to edit. The edit ends as a command to copy. */
function Policy({ kind, name, manifest }: AgentPage['policies'][number]): JSX.Element {
  const [text, setText] = useState<string>();
  const [answer, setAnswer] = useState<ChangesPage>();
  const [problem, setProblem] = useState<string>();
  const edited = text ?? manifest;
  const show = (): void => {
    setAnswer(undefined);
    post<ChangesPage>('/api/changes', edited).then(
      (page) => {
        setAnswer(page);
        setProblem(undefined);
      },
      (error: Error) => setProblem(error.message),
    );
  };
  return (
    <details>
      <summary>
        {kind} {name}
      </summary>
      <label>
        Edit it here; nothing is applied
        <textarea
          rows={Math.min(30, edited.split('\n').length + 1)}
          spellcheck={false}
          value={edited}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <p>
        <button type="button" onClick={show}>
          Show what would change
        </button>{' '}
        {text !== undefined && (
          <button type="button" onClick={() => setText(undefined)}>
            Undo the edit
          </button>
        )}
      </p>
      <Problem text={problem} />
      {answer && <Changes {...answer} />}
    </details>
  );
}

function Changes({ effects, patch, path }: ChangesPage): JSX.Element {
  return (
    <>
      <pre tabIndex={0}>{effects.length === 0 ? 'Nothing would change.' : effects.join('\n')}</pre>
      {path !== undefined && effects.length > 0 && (
        <p>Put the edit into the manifest in {path}. It is in force as soon as you save it.</p>
      )}
      {patch !== undefined && (
        <>
          <p>
            Apply it with this command, or put the edit where your manifests are.{' '}
            <button type="button" onClick={() => void navigator.clipboard.writeText(patch)}>
              Copy
            </button>
          </p>
          <pre tabIndex={0}>{patch}</pre>
        </>
      )}
    </>
  );
}
