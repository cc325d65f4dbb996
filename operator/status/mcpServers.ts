import type { McpServerStatus } from '../../contract/generated/types.ts';
import type { AgentDeployment, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation } from './observations.ts';
import { reportedText } from './reported.ts';

/** An MCP server with the state of its tools in the agent's pods. */
export type ShownServer = NonNullable<AgentDeploymentStatus['mcpServers']>[number];

type Change = NonNullable<McpServerStatus['change']>;

/** Longest name of a tool in an Event. */
const MAX_NAME = 64;

/**
 * The spec's MCP servers whose tools are known, in order. Each has the state that most live, connected pods report.
 * Without reports the former state stays, so that a change shows when pods report again.
 */
export function mcpServersOf(
  { spec }: Pick<AgentDeployment, 'spec'>,
  observation: AgentObservation,
  previous: Pick<AgentDeploymentStatus, 'mcpServers'> | undefined,
): ShownServer[] {
  const reported = reports(observation);
  return (spec.mcpServers ?? []).flatMap(({ name }) => {
    const before = previous?.mcpServers?.find((one) => one.name === name);
    // One report from each pod, even if it names the server twice.
    const reports = reported.flatMap((servers) => servers.find((one) => one.name === name) ?? []);
    if (reports.length === 0) return before ?? [];
    return [shown(name, reports, before)];
  });
}

/** The reports of each pod. */
function reports(observation: AgentObservation): McpServerStatus[][] {
  return livePods(observation)
    .filter(({ connected }) => connected)
    .map(({ snapshot }) => snapshot?.mcpServers ?? []);
}

function shown(
  name: string,
  reports: readonly McpServerStatus[],
  before: ShownServer | undefined,
): ShownServer {
  const groups = [...Map.groupBy(reports, ({ toolsHash }) => toolsHash).values()];
  const known = (group: readonly McpServerStatus[]): number =>
    group[0]!.toolsHash === before?.toolsHash ? 1 : 0;
  const most = groups.reduce((a, b) =>
    b.length > a.length || (b.length === a.length && known(b) > known(a)) ? b : a,
  );
  const { toolsHash, tools } = most[0]!;
  const protocolVersion = mostCommon(reports.flatMap((one) => one.protocolVersion ?? []));
  const stale = reports.flatMap((one) => one.stale ?? []);
  return {
    ...{ name, toolsHash, tools },
    pods: `${most.length}/${reports.length}`,
    withheldPods: reports.filter(({ withheld }) => withheld).length,
    ...(protocolVersion !== undefined && { protocolVersion }),
    ...(stale.length > 0 && { stale: stale.includes(true) }),
  };
}

function mostCommon(values: readonly string[]): string | undefined {
  const groups = [...Map.groupBy(values, (value) => value).values()];
  return groups.sort((a, b) => b.length - a.length)[0]?.[0];
}

/** A server whose tools have changed. */
export interface ChangedServer {
  server: ShownServer;
  before: string;
  /** The change, if a pod has reported it. */
  change?: Change;
}

/** Servers whose tools have changed between two statuses. */
export function changedServers(
  previous: readonly ShownServer[] | undefined,
  next: readonly ShownServer[],
  observation: AgentObservation,
): ChangedServer[] {
  return next.flatMap((server) => {
    const before = previous?.find(({ name }) => name === server.name)?.toolsHash;
    if (before === undefined || before === server.toolsHash) return [];
    const seen = reports(observation)
      .flat()
      .find(
        ({ name, toolsHash, change }) =>
          name === server.name && toolsHash === server.toolsHash && change?.before === before,
      );
    return [{ server, before, ...(seen?.change && { change: seen.change }) }];
  });
}

export function describeChange({ server, before, change }: ChangedServer): string {
  const parts = (['added', 'removed', 'changed'] as const).flatMap((what) => {
    const names = change?.[what] ?? [];
    return names.length === 0
      ? []
      : [`${what} ${names.map((each) => reportedText(each, MAX_NAME)).join(', ')}`];
  });
  const what = parts.length === 0 ? '' : `: ${parts.join('; ')}`;
  return `The MCP server ${server.name} offers other tools than before (toolsHash ${server.toolsHash}, was ${before})${what}`;
}

export function describeWithheld({ name, toolsHash, withheldPods }: ShownServer): string {
  return `The tools of the MCP server ${name} are withheld from the model in ${withheldPods} pods, because spec.mcpServers[${name}].toolsHash pins others; look at what the server offers, and set ${toolsHash} to take it.`;
}
