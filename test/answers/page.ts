/** Makes docs/reference/answers.md of the states beside it: what each command says in each of them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '../../cli/view/why.ts';
import { statusRows } from '../../cli/view/statusTable.ts';
import type { World } from '../../cli/view/world.ts';
import { planAgent } from '../../operator/desired/plan.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import {
  agentEvents,
  breakerPolicyEvents,
  rateLimitPolicyEvents,
  type EventDraft,
} from '../../operator/status/events.ts';
import type { AgentObservation } from '../../operator/status/observations.ts';
import { agentFixture, OPTIONS } from '../../operator/testing/fixtures.ts';
import { NOW } from '../../operator/testing/observations.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../../operator/testing/policyStatus.ts';
import { HEALTHY, STATES, type State } from './states.ts';

const PAGE = join(import.meta.dirname, '../../docs/reference/answers.md');

/** An Event on the agent or on a policy. */
export type Said = EventDraft & { kind: string };

export interface Answers {
  get: string;
  events: Said[];
  status: string[];
  why: string;
}

const MINUTE_AGO = new Date(NOW.getTime() - 60_000);

/** Objects with the status that the operator writes when it observes this, and the Events. */
function written(
  state: State,
  seen: AgentObservation,
  now: Date,
  before?: World,
): { world: World; events: Said[] } {
  const { agent = agentFixture('triage', { replicas: 2 }), breakers = [], limits = [] } = state;
  const attachment = attach({ breakers, limits }, [agent]);
  const plan = planAgent({
    agent,
    attachment: attachment.agents.get('triage')!,
    options: OPTIONS,
  });
  const observed = new Map([['triage', seen]]);
  const old = before?.agents[0]?.status;
  const status = agentStatus({ agent, plan, observation: seen, previous: old, now });
  const events: Said[] = [];
  const say = (kind: string, drafts: readonly EventDraft[]): void => {
    events.push(...drafts.map((draft) => ({ kind, ...draft })));
  };
  say('agd', agentEvents({ agent, plan, observation: seen, now }, old, status));
  const withStatus = attachment.breakers.map((one) => {
    const previous = before?.breakers.find(
      ({ metadata }) => metadata.name === one.policy.metadata.name,
    )?.status;
    const next = breakerPolicyStatus({ attachment: one, agents: observed, previous, now });
    say('cbp', breakerPolicyEvents(previous, next));
    return { ...one.policy, status: next };
  });
  const limited = attachment.limits.map((one) => {
    const previous = before?.limits.find(
      ({ metadata }) => metadata.name === one.policy.metadata.name,
    )?.status;
    const next = rateLimitPolicyStatus({ attachment: one, agents: observed, previous, now });
    say('arlp', rateLimitPolicyEvents(previous, next));
    return { ...one.policy, status: next };
  });
  const world = { agents: [{ ...agent, status }], breakers: withStatus, limits: limited, pods: [] };
  return { world, events };
}

/** What is said of an agent that was healthy a minute ago. */
export function answersTo(state: State): Answers {
  const { agent: _edited, ...usual } = state;
  const { world: before } = written(usual, HEALTHY, MINUTE_AGO);
  // Policies are new, so that Events of those that are not in force come too.
  const { world, events } = written(state, state.seen, NOW, {
    ...before,
    breakers: [],
    limits: [],
  });
  const [agent] = world.agents;
  const policy = [...world.breakers, ...world.limits].find(
    ({ metadata }) => metadata.name === state.about,
  );
  return {
    get: (policy ? policy.status?.summary?.reason : agent!.status?.summary?.state) ?? '',
    events: events.filter(({ type }) => type === 'Warning'),
    status: statusRows(world)
      .filter(({ level }) => level !== 'ok')
      .map(({ kind, name, state: shown, reason }) =>
        [kind === 'agent' || kind === 'policy' ? name : `${kind} ${name}`, shown, reason]
          .filter(Boolean)
          .join(' · '),
      ),
    why: explain(policy ?? agent!, world, NOW).text,
  };
}

const INTRODUCTION = `# What each answer says

For people on call: states of agents and policies, and what \`kubectl get\`, Events, \`kubectl breakwater status\` and \`why\` say in each. The
agent is called \`triage\` and has two pods. \`npm test\` recomputes this page from the operator's own code. [On call](../on-call.md) says what to do.
`;

export function answersPage(states: readonly State[] = STATES): string {
  return [INTRODUCTION, ...states.map(section)].join('\n');
}

function section(state: State): string {
  const { get, events, status, why } = answersTo(state);
  const column = state.about === undefined ? 'STATE' : 'REASON';
  const rows = [
    ['`kubectl get`', get === '' ? `${column} is empty` : `${column} \`${get}\``],
    ['Events', lines(events.map(({ kind, reason, note }) => `${kind}: \`${reason}\` ${note}`))],
    ['`status`', lines(status)],
    ['`why`', lines(why.split('\n').map((line) => line.trim()))],
  ];
  const cells = rows.map(
    (row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  );
  return [`## ${state.title}\n`, '| asked | says |', '| --- | --- |', ...cells, ''].join('\n');
}

function lines(all: readonly string[]): string {
  return all.length === 0 ? 'none' : all.map((line) => line.replaceAll('<', '&lt;')).join('<br>');
}

if (import.meta.main) writeFileSync(PAGE, answersPage());
