import { parse, stringify } from 'yaml';
import { API_VERSION } from '../../crds/meta.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { follow, type Follower } from '../cluster/observe.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS } from '../cluster/options.ts';
import { requestLines } from '../cluster/requestLines.ts';
import type { AgentPage, ChangesPage, RequestPage, UsagePage } from '../console/answers.ts';
import { readAssets } from '../console/assets.ts';
import { mergePatch } from '../console/mergePatch.ts';
import { ConsoleServer, type Source } from '../console/server.ts';
import { worldOf } from '../console/table.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import { findingsOfAgent } from '../view/findings.ts';
import { logLine } from '../view/logLine.ts';
import { statusRows } from '../view/statusTable.ts';
import { usageOf } from '../view/top.ts';
import { tripsOf } from '../view/trips.ts';
import { podsOf, type Policy, type World } from '../view/world.ts';
import { changesBy } from './diff.ts';
import { portOf } from './port.ts';
import { answersOf } from './top.ts';

/** Pods of an agent that the console asks for figures. */
const MAX_PODS = 20;

export const console: Command = {
  summary: 'show agents, circuits, limits and requests in a browser; it changes nothing',
  options: {
    ...CLUSTER_OPTIONS,
    ...ALL_NAMESPACES,
    port: { type: 'string', default: '0', value: 'PORT', help: 'port on 127.0.0.1 (any free one)' },
  },
  run: (call) => withCluster(call, (cluster) => serve(call, cluster)),
};

async function serve(call: Call, cluster: Cluster): Promise<number> {
  const { context, values } = call;
  const port = portOf(String(values['port']), 0);
  const assets = await readAssets();
  const signal = context.interrupted();
  const listeners = new Set<() => void>();
  const follower = await follow(cluster, signal, () => listeners.forEach((each) => each()));
  const server = new ConsoleServer(
    new ClusterSource(cluster, follower, listeners, context.date),
    assets,
  );
  const url = await server.listen(port);
  context.stdout.write(`${url}\n`);
  context.stderr.write('It has the rights of your kubeconfig, and reads only. Ctrl-C ends it.\n');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.close();
  return EXIT.fine;
}

/** A cluster, as the user of the kubeconfig may see it. */
class ClusterSource implements Source {
  readonly #cluster: Cluster;
  readonly #follower: Follower;
  readonly #listeners: Set<() => void>;
  readonly #date: () => Date;

  constructor(cluster: Cluster, follower: Follower, listeners: Set<() => void>, date: () => Date) {
    this.#cluster = cluster;
    this.#follower = follower;
    this.#listeners = listeners;
    this.#date = date;
  }

  world(): World {
    return this.#follower.world();
  }

  problem(): string | undefined {
    return this.#follower.problem();
  }

  onChange(changed: () => void): () => void {
    this.#listeners.add(changed);
    return () => void this.#listeners.delete(changed);
  }

  agent(namespace: string, name: string): AgentPage | undefined {
    const world = worldOf(this.world(), namespace, name);
    const agent = world?.agents[0];
    if (world === undefined || agent === undefined) return undefined;
    return {
      rows: statusRows(world),
      findings: findingsOfAgent(agent, world).map(({ by, reason, message, since }) => ({
        ...{ by, reason, message },
        ...(since !== undefined && { since }),
      })),
      trips: tripsOf(world).filter((trip) => trip.agent === name),
      policies: [...world.breakers, ...world.limits].map(manifestOf),
    };
  }

  async usage(namespace: string, name: string): Promise<UsagePage | undefined> {
    const world = worldOf(this.world(), namespace, name);
    const agent = world?.agents[0];
    if (world === undefined || agent === undefined) return undefined;
    const pods = podsOf(world, agent);
    const failures: string[] = [];
    const asked = pods.slice(0, MAX_PODS);
    const answers = await answersOf(asked, this.#cluster, (text) => failures.push(text));
    const notAsked = pods.length - asked.length;
    return { at: this.#date().toISOString(), usage: usageOf(agent, answers), notAsked, failures };
  }

  async request(namespace: string, name: string, id: string): Promise<RequestPage | undefined> {
    const world = worldOf(this.world(), namespace, name);
    if (world === undefined) return undefined;
    const signal = AbortSignal.timeout(LOG_MS);
    const found = await requestLines(this.#cluster, world.pods, id, { signal });
    return { lines: found.map(({ pod, line }) => ({ pod, text: logLine(line) })) };
  }

  async changes(manifest: string): Promise<ChangesPage> {
    const files = new Map([['the manifest', manifest]]);
    const { problems, effects } = await changesBy(files, this.#cluster, this.#date, true);
    return { effects: [...problems, ...effects], patch: this.#patch(manifest) };
  }

  /** The command that applies the edited manifest of a policy; undefined if it changes nothing. */
  #patch(manifest: string): string | undefined {
    const { kind, metadata, spec } = parse(manifest) as Policy;
    const { breakers, limits } = this.world();
    const before = [...breakers, ...limits].find(
      (each) =>
        each.kind === kind &&
        each.metadata.namespace === metadata.namespace &&
        each.metadata.name === metadata.name,
    );
    if (before === undefined) return 'kubectl apply --filename MANIFEST';
    const patch = mergePatch(before.spec, spec);
    if (patch === undefined) return undefined;
    const json = JSON.stringify({ spec: patch }).replaceAll("'", String.raw`'\''`);
    return `kubectl patch ${kind.toLowerCase()} ${metadata.name} --namespace ${metadata.namespace} --type merge --patch '${json}'`;
  }
}

/** Longest time that the search of logs for a request takes, in milliseconds. */
const LOG_MS = 20_000;

function manifestOf({ kind, metadata, spec }: Policy): AgentPage['policies'][number] {
  const { name, namespace, labels } = metadata;
  const manifest: KubernetesObject & { spec: unknown } = {
    ...{ apiVersion: API_VERSION, kind },
    metadata: { name, namespace, ...(labels && { labels }) },
    spec,
  };
  return { kind, name, manifest: stringify(manifest, { lineWidth: 0 }) };
}
