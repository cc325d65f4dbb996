import { writeFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { KubernetesObject } from '../../crds/meta.ts';
import { ApiError, type Pod } from '../cluster/kube.ts';
import { ALL_NAMESPACES, CLUSTER_OPTIONS } from '../cluster/options.ts';
import { RETRIES, withCluster, type Cluster } from '../cluster/cluster.ts';
import { observe } from '../cluster/observe.ts';
import { podLog } from '../cluster/podLog.ts';
import { debugPages } from '../cluster/debugPage.ts';
import { Events } from '../cluster/resources.ts';
import { EXIT, type Command } from '../terminal/command.ts';
import { redactedObject, redactedPod } from '../support/redact.ts';
import { tar, type Entry } from '../support/tar.ts';
import { statusRows, statusTable } from '../view/statusTable.ts';
import type { World } from '../view/world.ts';

/** Pages of the debug port without secrets. The page of the configuration is not among them: it has prompts and headers. */
const PAGES = ['state', 'circuits', 'rate_limiter', 'bulkhead', 'performance'];
const LOG_LINES = 2000;
const KINDS = ['AgentDeployment', 'CircuitBreakerPolicy', 'RateLimitPolicy', 'Pod'];

export const supportBundle: Command = {
  summary: 'write what the cluster says of agents into an archive, without secrets',
  options: {
    ...CLUSTER_OPTIONS,
    ...ALL_NAMESPACES,
    file: {
      type: 'string',
      value: 'PATH',
      help: 'the archive (breakwater-support-TIME.tar.gz)',
    },
  },
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { context, values } = call;
      const now = context.date();
      const name = `breakwater-support-${now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}`;
      const path = (values['file'] as string | undefined) ?? `${name}.tar.gz`;
      const missing: string[] = [];
      const failed = (what: string, error: unknown): [] => {
        if (!(error instanceof ApiError)) throw error;
        missing.push(`${what}: ${said(error)}`);
        return [];
      };
      const world = await observe(cluster, failed);
      const seen = await events(cluster).catch((error: unknown) => failed('events', error));
      const entries = [
        ...objects(world, now),
        { path: 'events.json', text: json(seen) },
        { path: 'missing.txt', text: missing.join('') },
        ...(await Promise.all(world.pods.map((pod) => podEntries(cluster, pod)))).flat(),
      ].map((entry) => ({ ...entry, path: `${name}/${entry.path}` }));
      context.stderr.write(missing.map((each) => `Left out: ${each}`).join(''));
      await writeFile(path, gzipSync(tar(entries, now)), { mode: 0o600 });
      context.stdout.write(
        `${path} has ${entries.length} files. Secrets, prompts, headers and pod templates are left out; look through it before you send it.\n`,
      );
      return missing.length > 0 ? EXIT.problem : EXIT.fine;
    }),
};

function objects(world: World, now: Date): Entry[] {
  const options = { now, width: Infinity, colours: false, namespaces: true };
  return [
    { path: 'status.txt', text: `${statusTable(statusRows(world), options).join('\n')}\n` },
    { path: 'agents.json', text: json(world.agents.map(redactedObject)) },
    { path: 'breakers.json', text: json(world.breakers.map(redactedObject)) },
    { path: 'limits.json', text: json(world.limits.map(redactedObject)) },
    { path: 'pods.json', text: json(world.pods.map(redactedPod)) },
  ];
}

async function events({ client, namespace }: Cluster): Promise<unknown[]> {
  const all = await client.list(Events, { namespace, retries: RETRIES });
  return all
    .filter(({ regarding }) => KINDS.includes(regarding?.kind ?? ''))
    .map((event: KubernetesObject) => redactedObject(event));
}

/** A pod's pages and log. A failed entry contains the reason. */
async function podEntries(cluster: Cluster, pod: Pod): Promise<Entry[]> {
  const folder = `pods/${pod.metadata.name.slice(-40)}`;
  const read = debugPages(cluster, pod);
  const pages = PAGES.map(async (page) => ({
    path: `${folder}/${page}.json`,
    text: await read(`/debug/${page}`).catch(said),
  }));
  const log = logOf(cluster, pod).catch(said);
  return [...(await Promise.all(pages)), { path: `${folder}/log.txt`, text: await log }];
}

async function logOf(cluster: Cluster, pod: Pod): Promise<string> {
  const signal = AbortSignal.timeout(30_000);
  const lines: string[] = [];
  for await (const line of podLog(cluster, pod, { tailLines: LOG_LINES, follow: false, signal })) {
    lines.push(`${line}\n`);
  }
  return lines.join('');
}

function said(error: unknown): string {
  return `${error instanceof Error ? error.message : String(error)}\n`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
