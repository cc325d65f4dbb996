import { stringify } from 'yaml';
import { API_VERSION, type KubernetesObject } from '../../crds/meta.ts';
import { findingsOfAgent } from '../view/findings.ts';
import { logLine } from '../view/logLine.ts';
import { statusRows } from '../view/statusTable.ts';
import { usageOf } from '../view/top.ts';
import { tripsOf } from '../view/trips.ts';
import { podsOf, type Policy, type World } from '../view/world.ts';
import type { AgentPage, RequestPage, UsagePage } from './answers.ts';
import type { Source } from './source.ts';
import type { AgentWorld } from './table.ts';

/** Pods of an agent that the console asks for figures. */
const MAX_PODS = 20;

export function agentPage(world: AgentWorld): AgentPage {
  const [agent] = world.agents;
  return {
    rows: statusRows(world),
    findings: findingsOfAgent(agent, world).map(({ by, reason, message, since }) => ({
      ...{ by, reason, message },
      ...(since !== undefined && { since }),
    })),
    trips: tripsOf(world).filter((trip) => trip.agent === agent.metadata.name),
    policies: [...world.breakers, ...world.limits].map(manifestOf),
  };
}

export async function usagePage(
  world: AgentWorld,
  source: Pick<Source, 'figures'>,
): Promise<UsagePage> {
  const [agent] = world.agents;
  const pods = podsOf(world, agent);
  const failures: string[] = [];
  const asked = pods.slice(0, MAX_PODS);
  const answers = await source.figures(asked, (text) => failures.push(text));
  const notAsked = pods.length - asked.length;
  return { at: new Date().toISOString(), usage: usageOf(agent, answers), notAsked, failures };
}

export async function requestPage(
  { pods }: World,
  source: Pick<Source, 'lines'>,
  id: string,
): Promise<RequestPage> {
  const found = await source.lines(pods, id);
  return { lines: found.map(({ pod, line }) => ({ pod, text: logLine(line) })) };
}

function manifestOf({ kind, metadata, spec }: Policy): AgentPage['policies'][number] {
  const { name, namespace, labels } = metadata;
  const manifest: KubernetesObject & { spec: unknown } = {
    ...{ apiVersion: API_VERSION, kind },
    metadata: { name, namespace, ...(labels && { labels }) },
    spec,
  };
  return { kind, name, manifest: stringify(manifest, { lineWidth: 0 }) };
}
