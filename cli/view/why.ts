import type { AgentDeployment } from '../../crds/generated/types.ts';
import { circuitName } from './circuits.ts';
import { findingsOfAgent, findingsOfPolicy, goodConditions, type Finding } from './findings.ts';
import type { Held } from './held.ts';
import { clock, since, until } from './time.ts';
import { byName, deprecatedFields, keyOf, withoutAgent, type Policy, type World } from './world.ts';

/** Explains what an object refuses, and why. */
export interface Explanation {
  kind: string;
  namespace: string;
  name: string;
  /** Whether there is a finding. */
  refused: boolean;
  findings: Finding[];
  /** The explanation: one line if there is one cause, else a line for each, the worst first. */
  text: string;
}

export function explain(object: AgentDeployment | Policy, world: World, now: Date): Explanation {
  const findings =
    object.kind === 'AgentDeployment'
      ? findingsOfAgent(object, world)
      : findingsOfPolicy(object, world);
  const subject = `${object.kind} ${keyOf(object)}`;
  const { namespace = '', name } = object.metadata;
  const said = findings.map((finding) => sentence(finding, now));
  const fields = deprecatedFields(object)?.message ?? [];
  const lines = [...said, ...advice(findings, namespace)].concat(fields);
  const text =
    findings.length === 0
      ? [`${subject}: nothing is refused.`, ...goodConditions(object)].concat(fields).join(' ')
      : said.length === 1
        ? `${subject}: ${lines.join(' ')}`
        : [`${subject}:`, ...lines.map((line) => `  ${line}`)].join('\n');
  return { kind: object.kind, namespace, name, refused: findings.length > 0, findings, text };
}

/** Explains each agent, and each policy without one, of which there is something to say: the gravest first. */
export function explainAll(world: World, now: Date): Explanation[] {
  const agents = [...world.agents].sort(byName);
  const all = [...agents, ...withoutAgent(world)].map((object) => explain(object, world, now));
  const isGrave = ({ findings }: Explanation): boolean =>
    findings.some(({ level }) => level === 'bad');
  const { true: grave = [], false: others = [] } = Object.groupBy(
    all.filter(({ refused }) => refused),
    (one): 'true' | 'false' => (isGrave(one) ? 'true' : 'false'),
  );
  return [...grave, ...others];
}

function sentence(finding: Finding, now: Date): string {
  if (finding.held) return aboutHeld(finding, finding.held, now);
  if (finding.what === 'Endpoint') return finding.message;
  if (finding.what === 'Incident') return aboutIncident(finding, now);
  return finding.circuit === undefined ? aboutCondition(finding, now) : aboutCircuit(finding, now);
}

function aboutCondition({ by, reason, message, since: time }: Finding, now: Date): string {
  const at = time === undefined ? '' : ` since ${clock(time, now)} (${since(time, now)})`;
  return `${by} says ${reason}${at}: ${stopped(message)}`;
}

function aboutIncident({ message, since: time = '' }: Finding, now: Date): string {
  return `An incident is open since ${clock(time, now)} (${since(time, now)}): ${stopped(message)}`;
}

const STATES: Record<string, string> = {
  Open: 'is open, so that calls fail at once',
  HalfOpen: 'is half-open, so that only probes are let through',
};

function aboutCircuit({ by, reason, message, since: time, circuit }: Finding, now: Date): string {
  const { agent, pods, nextProbe, lastFailure } = circuit!;
  const where = pods === undefined ? agent : `${agent} in ${pods} pods`;
  const at = time === undefined ? '' : ` since ${clock(time, now)} (${since(time, now)})`;
  const parts = [
    `The circuit of ${circuitName(circuit!)} of ${where} ${STATES[reason]},${at} by ${by}: ${stopped(message)}`,
  ];
  if (lastFailure?.message !== undefined) {
    const ago = lastFailure.time === undefined ? '' : `, ${since(lastFailure.time, now)} ago`;
    parts.push(`The last failure${ago}: ${lastFailure.class}, ${stopped(lastFailure.message)}`);
  }
  if (nextProbe !== undefined) {
    parts.push(`The next probe goes at ${clock(nextProbe, now)}, in ${until(nextProbe, now)}.`);
  }
  return parts.join(' ');
}

const HELD: Record<Held['state'], string> = {
  Throttled: 'throttled (429 ClientThrottled)',
  Blocked: 'blocked (403 ClientBlocked)',
};

function aboutHeld({ by, message }: Finding, held: Held, now: Date): string {
  const { who, state, pods, since: begun, until: end } = held;
  const where = pods === 1 ? '1 pod' : `${pods} pods`;
  const over =
    end === undefined
      ? 'until the incident closes'
      : `until ${clock(end, now)}, for another ${until(end, now)}`;
  return `The ${who} is ${HELD[state]} in ${where} since ${clock(begun, now)} (${since(begun, now)}), ${over}, by ${by}: ${stopped(message)}`;
}

function stopped(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Advice by class of failure, as in docs/on-call.md. */
export const ADVICE: Record<string, string> = {
  Overloaded: 'The provider is short of capacity: wait, or add an endpoint.',
  ServerError: "See the provider's status page.",
  Timeout:
    "Look at the provider's latency; raise the timeout only if answers really take that long.",
  Connection: 'Check baseURL, egress rules and DNS from the namespace.',
  InvalidResponse: 'Check baseURL; a proxy in between may cut streams.',
  RateLimited: "Send less, or raise the provider's limit.",
};

/** Advice about circuits. Messages of conditions contain their own. */
function advice(findings: readonly Finding[], namespace: string): string[] {
  const circuits = findings.filter(({ circuit }) => circuit !== undefined);
  const classes = circuits.flatMap(({ circuit }) => circuit?.lastFailure?.class ?? []);
  const each = [...new Set(classes)].flatMap((name) => ADVICE[name] ?? []);
  const names = circuits.flatMap(({ by }) => /^CircuitBreakerPolicy (.+)$/.exec(by)?.[1] ?? []);
  const resets = [...new Set(names)].map(
    (name) => `kubectl breakwater reset ${name} -n ${namespace}`,
  );
  const lift = findings.some((finding) => finding.held)
    ? ['To lift responses now, change spec.security.responses; any change lifts all of them.']
    : [];
  if (circuits.length === 0) return lift;
  const isHeld = circuits.every(({ circuit }) => circuit?.overridden);
  const close = isHeld
    ? 'The circuit follows its calls again once the override ends'
    : 'The circuit closes by itself once probes succeed';
  const verb = isHeld ? 'end' : 'close';
  const now = resets.length === 0 ? '' : `; to ${verb} it now: ${resets.join(', ')}`;
  return [`What to do: ${[...each, `${close}${now}.`].join(' ')}`, ...lift];
}
