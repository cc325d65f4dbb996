import type { AgentDeployment } from '../../crds/generated/types.ts';
import { describeIncident, type ShownSecurity } from '../../operator/status/security.ts';
import { columns, type Level, type Line } from './columns.ts';
import { since } from './time.ts';

/** The security of one agent, from its status. */
export interface SecurityView extends Partial<ShownSecurity> {
  namespace: string;
  agent: string;
}

const LEVELS: Readonly<Record<string, Level>> = { Critical: 'bad', High: 'bad', Medium: 'warn' };

export function securityOf({ metadata, status }: AgentDeployment): SecurityView {
  const { namespace = '', name } = metadata;
  return { namespace, agent: name, ...status?.security };
}

export interface SecurityTableOptions {
  now: Date;
  width: number;
  colours: boolean;
}

/** Totals of each agent by level and by type, then its open incidents, the gravest first. */
export function securityTable(
  views: readonly SecurityView[],
  { now, width, colours }: SecurityTableOptions,
): string[] {
  if (views.length === 0) return ['There are no agents.'];
  const head = ['AGENT', 'THREAT', 'OPEN', 'TOTAL', 'BY LEVEL', 'BY TYPE'];
  const layout = { head, width, ...(colours && { coloured: 1 }) };
  const totals = columns(views.map(lineOf), layout);
  const open = views.flatMap(({ agent, open: incidents = [] }) =>
    incidents.map((each) => `${agent}, for ${since(each.since, now)}: ${describeIncident(each)}`),
  );
  return open.length === 0 ? totals : [...totals, '', ...open];
}

function lineOf({
  agent,
  level,
  openIncidents,
  total,
  levels = [],
  counts = [],
}: SecurityView): Line {
  return {
    level: LEVELS[level ?? ''] ?? 'ok',
    cells: [
      agent,
      level ?? 'unknown',
      `${openIncidents ?? 0}`,
      `${total ?? 0}`,
      levels.map((each) => `${each.level} ${each.total}`).join(', '),
      counts.map(({ type, count }) => `${type} ${count}`).join(', '),
    ],
  };
}
