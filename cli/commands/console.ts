import { parse } from 'yaml';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { follow, type Follower } from '../cluster/observe.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS } from '../cluster/options.ts';
import { requestLines } from '../cluster/requestLines.ts';
import type { Pod } from '../cluster/kube.ts';
import type { ChangesPage } from '../console/answers.ts';
import { readAssets } from '../console/assets.ts';
import { mergePatch } from '../console/mergePatch.ts';
import { ConsoleServer } from '../console/server.ts';
import type { Source } from '../console/source.ts';
import { EXIT, type Call, type Command } from '../terminal/command.ts';
import type { PodLine } from '../view/requestLog.ts';
import type { PodAnswer } from '../view/top.ts';
import type { Policy, World } from '../view/world.ts';
import { changesBy, clusterObjects } from './diff.ts';
import { portOf } from './port.ts';
import { answersOf } from './top.ts';

/** Longest time that the search of logs for a request takes, in milliseconds. */
const LOG_MS = 20_000;

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

  figures(pods: readonly Pod[], warn: (text: string) => void): Promise<PodAnswer[]> {
    return answersOf(pods, this.#cluster, warn);
  }

  lines(pods: readonly Pod[], id: string): Promise<PodLine[]> {
    return requestLines(this.#cluster, pods, id, { signal: AbortSignal.timeout(LOG_MS) });
  }

  async changes(manifest: string): Promise<ChangesPage> {
    const { problems, effects } = await changesBy(new Map([['the manifest', manifest]]), {
      namespace: this.#cluster.namespace,
      date: this.#date,
      replaces: true,
      there: (written) => clusterObjects(this.#cluster, written),
    });
    const { breakers, limits } = this.world();
    return {
      effects: [...problems, ...effects],
      patch: patchOf(manifest, [...breakers, ...limits]),
    };
  }
}

/** The command that applies the edited manifest of a policy; undefined if it changes nothing. */
function patchOf(manifest: string, policies: readonly Policy[]): string | undefined {
  const { kind, metadata, spec } = parse(manifest) as Policy;
  const before = policies.find(
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
