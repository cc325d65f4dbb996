import type { CircuitStatus } from '../../contract/generated/types.ts';
import type { AgentState } from './agentState.ts';

/** An agent in the table. */
export interface AgentRow {
  name: string;
  /** Its address. Absent: it does not serve. */
  url?: string;
  state?: AgentState;
}

const HEAD = ['AGENT', 'ADDRESS', 'DEPENDENCY', 'STATE', 'CALLS', 'FAILED', 'REJECTED', 'REASON'];

/**
 * The state of all agents at `now`, in columns no wider than `width`. Omits the addresses if they do not fit, because
 * earlier lines have shown them.
 */
export function table(agents: readonly AgentRow[], now: Date, width: number): string[] {
  const rows = [HEAD, ...agents.flatMap((agent) => rowsOf(agent, now))];
  const all = columns(rows);
  const fits = all.every((line) => line.length <= width);
  const lines = fits ? all : columns(rows.map((row) => row.toSpliced(HEAD.indexOf('ADDRESS'), 1)));
  return lines.map((line) => (line.length <= width ? line : `${line.slice(0, width - 1)}…`));
}

function columns(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}

function rowsOf({ name, url, state }: AgentRow, now: Date): string[][] {
  const facts = state === undefined ? [] : [...circuitRows(state, now), ...limitRows(state)];
  const [first = ['', url === undefined ? 'Starting' : 'Running', '', '', '', ''], ...rest] = facts;
  return [[name, url ?? '', ...first], ...rest.map((row) => ['', '', ...row])];
}

function circuitRows(agent: AgentState, now: Date): string[][] {
  return agent.circuits.map((circuit) => {
    const { dependency, state, reason = '', requests, rejected, failures } = circuit;
    const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
    const counts = [requests, failed, rejected].map(String);
    const shown = standing(circuit, agent, now);
    return [dependency, shown, ...counts, state === 'Closed' ? '' : reason];
  });
}

/** State of the circuit, or of its gate if that is shut. */
function standing(
  { dependency, state, nextProbe, shadow }: CircuitStatus,
  { gates }: AgentState,
  now: Date,
): string {
  const gate = gates.find((each) => each.dependency === dependency)?.gate ?? 'None';
  if (gate !== 'None') return gate;
  const probe = state === 'Open' && nextProbe ? ` (probe in ${until(nextProbe, now)})` : '';
  return `${state}${probe}${shadow ? ' (shadow)' : ''}`;
}

function limitRows({ limits }: AgentState): string[][] {
  return limits.map(({ target, name, requests, rejected, tokens }) => [
    target,
    `${Math.floor(tokens)} left`,
    String(requests),
    '',
    String(rejected),
    `limit ${name}`,
  ]);
}

function until(time: string, now: Date): string {
  return `${Math.max(0, Math.ceil((Date.parse(time) - now.getTime()) / 1000))}s`;
}
