import { render, type JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Agent } from './agent.tsx';
import { linkTo } from './api.ts';
import './console.css';
import { Overview } from './overview.tsx';
import { usePlace, useSeen, type Seen } from './state.ts';
import { Timeline } from './timeline.tsx';

function Page(): JSX.Element {
  const seen = useSeen();
  const at = usePlace();
  const view = at.get('view') ?? 'agents';
  const [namespace, name] = [at.get('namespace') ?? '', at.get('name') ?? ''];
  const title =
    view === 'agent' ? `${namespace}/${name}` : view === 'timeline' ? 'Timeline' : 'Agents';
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  useEffect(() => {
    document.title = `${title} · Breakwater`;
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [title]);
  return (
    <>
      <header>
        <strong>Breakwater</strong>
        <nav aria-label="Views">
          <Tab view="agents" name="Agents" now={view} />
          <Tab view="timeline" name="Timeline" now={view} />
        </nav>
        <Freshness {...seen} />
      </header>
      <main>
        <h1 tabIndex={-1} ref={heading}>
          {title}
        </h1>
        {view === 'agent' ? (
          <Agent key={`${namespace}/${name}`} namespace={namespace} name={name} seen={seen} />
        ) : view === 'timeline' ? (
          <Timeline trips={seen.trips} />
        ) : (
          <Overview seen={seen} />
        )}
      </main>
    </>
  );
}

function Tab({ view, name, now }: { view: string; name: string; now: string }): JSX.Element {
  return (
    <a href={linkTo({ view })} aria-current={view === now ? 'page' : undefined}>
      {name}
    </a>
  );
}

/** Says when what is shown may be old. */
function Freshness({ at, problem }: Seen): JSX.Element {
  const time = at === undefined ? '' : new Date(at).toLocaleTimeString();
  return (
    <p role="status" class={problem === undefined ? 'fresh' : 'stale'}>
      {problem === undefined
        ? at === undefined
          ? 'Connecting …'
          : 'Live'
        : `${problem}${time === '' ? '' : ` What you see is of ${time}.`}`}
    </p>
  );
}

render(<Page />, document.body);
