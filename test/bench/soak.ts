/**
 * `make bench-soak` sends one runtime, in a process of its own as in the image, requests of all kinds for MINUTES (60), RATE
 * (100) a second: plain, streamed, aborted and conversations, each with one of 50,000 keys of a limit. The model is a socket
 * with fixed answers. The configuration is that of the operator for an agent with authentication, a cache, an audit and
 * policies.
 *
 * soak_slope: growth of the live memory, which is heap and buffers after a forced garbage collection between requests, in
 * percent an hour, by the regression line after the first 15 minutes (a quarter of a shorter run) and the first request
 * with each key. Until then caches, keys and conversations fill up, so a shorter run needs a higher RATE.
 * soak_resident_slope: the same of resident memory, which also has what Node keeps for later. soak_errors: answers that
 * were not whole.
 *
 * SNAPSHOTS=DIR writes heap snapshots after the warm-up and at the end, to compare in the developer tools.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '../../contract/generated/types.ts';
import { hashContent, resolveContent } from '../../operator/desired/configuration/content.ts';
import {
  agentFixture,
  breakerFixture,
  bucketFixture,
  cacheFixture,
  endpoint,
  limitFixture,
  modelOf,
} from '../../operator/testing/fixtures.ts';
import { run } from '../cluster/common/command.ts';
import { freePort } from '../cluster/common/freePort.ts';
import { slope, type Sample } from '../kit/slope.ts';
import { startEndpoint } from './runtime/endpoint.ts';
import { imageStart } from './runtime/image.ts';
import { KEYS, Load } from './soak/load.ts';
import type { Memory } from './soak/heap.ts';

const MINUTES = Number(process.env['MINUTES'] || 60);
const RATE = Number(process.env['RATE'] || 100);
const SNAPSHOTS = process.env['SNAPSHOTS'];
const WARM_UP_MINUTES = Math.min(15, MINUTES / 4);
const SAMPLE_MS = 15_000;
const MINUTE_MS = 60_000;
/** Heap under the container's limit of the default pod template, as V8 chooses it for 512 MiB. */
const HEAP_MB = 256;

const ROOT = join(import.meta.dirname, '../..');
const CLIENT_KEY = 'key-of-the-clients';

/** What the operator makes of an agent with all that keeps state, with its mounts in `directory`. */
function configuration(model: number, directory: string): Configuration {
  const agent = agentFixture('soak');
  agent.spec = {
    ...agent.spec,
    model: modelOf(
      ...['primary', 'fallback'].map((name, priority) =>
        endpoint(name, {
          ...{ model: 'claude-soak', baseURL: `http://127.0.0.1:${model}`, priority },
          apiKeySecretRef: { name: 'provider', key: 'api-key' },
        }),
      ),
    ),
    auth: { ...agent.spec.auth, type: 'APIKeys', apiKeys: { secretRef: { name: 'clients' } } },
    cache: cacheFixture({ mode: 'Exact' }),
    audit: { stdout: true, required: false },
    conversation: { ...agent.spec.conversation, idleTimeout: '2m' },
  };
  const each = bucketFixture('each', {
    ...{ refill: { amount: 100, per: '1s' }, capacity: 1000, maxKeys: KEYS },
    key: { header: 'x-user-id' },
  });
  const limits = new Map([['inbound', limitFixture('fair', { limits: [each] })]]);
  const breaker = breakerFixture('soak');
  const circuits = new Map([
    ['model/primary', breaker],
    ['model/fallback', breaker],
  ]);
  const resolved = JSON.stringify(resolveContent(agent, { circuits, limits }));
  const content = JSON.parse(
    resolved.replaceAll(/"(?=\/(var|etc)\/)/g, `"${directory}`),
  ) as Configuration['content'];
  return { revision: { term: 1, counter: 1 }, hash: hashContent(content), content };
}

async function mount(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

async function startRuntime(directory: string, model: number): Promise<[ChildProcess, number]> {
  const configured = configuration(model, directory);
  await mount(join(directory, 'configuration.json'), JSON.stringify(configured));
  await mount(join(directory, 'token'), 'token\n');
  for (const { credential } of configured.content.endpoints) await mount(credential!.path, 'key\n');
  await mount(join(configured.content.auth!.apiKeys!.path, 'clients'), `${CLIENT_KEY}\n`);
  const port = await freePort();
  const { flags, env } = await imageStart();
  const report = join(import.meta.dirname, 'soak/heap.ts');
  const child = spawn(
    process.execPath,
    [
      ...flags,
      `--max-old-space-size=${HEAP_MB}`,
      ...['--import', report],
      join(ROOT, 'dist/runtime/main.js'),
    ],
    {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: {
        ...{ ...process.env, ...env, NODE_OPTIONS: '', LOG_LEVEL: 'error' },
        ...{ POD_UID: 'soak', TMPDIR: directory },
        BREAKWATER_AGENT_PORT: String(port),
        BREAKWATER_METRICS_PORT: '0',
        BREAKWATER_CONTROL_PORT: '0',
        BREAKWATER_DEBUG_PORT: '0',
        BREAKWATER_CONFIGURATION_DIRECTORY: directory,
        BREAKWATER_TOKEN_DIRECTORY: directory,
      },
    },
  );
  return [child, port];
}

async function ready(child: ChildProcess, port: number): Promise<void> {
  while (child.exitCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`).catch(() => undefined);
    if (answer?.ok) return;
    await pause(20);
  }
  throw new Error('the runtime has ended');
}

async function memory(child: ChildProcess, snapshot?: string): Promise<Memory> {
  const answered = once(child, 'message') as Promise<[Memory]>;
  child.send({ snapshot });
  return (await answered)[0];
}

const inSnapshots = (name: string): string | undefined =>
  SNAPSHOTS === undefined ? undefined : join(SNAPSHOTS, `${name}.heapsnapshot`);

async function main(): Promise<void> {
  await run(process.execPath, ['esbuild.config.js', 'runtime'], { cwd: ROOT });
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-soak-'));
  const model = await startEndpoint();
  const [child, port] = await startRuntime(directory, model.port);
  try {
    await ready(child, port);
    const load = new Load(port, { authorization: `Bearer ${CLIENT_KEY}` });
    const samples = await follow(child, load);
    load.close();
    report(samples, load);
  } finally {
    child.kill();
    model.server.close();
    await rm(directory, { recursive: true, force: true });
  }
}

type Samples = Record<keyof Memory, Sample[]>;

/** Samples after the warm-up: hours, and MiB. */
async function follow(child: ChildProcess, load: Load): Promise<Samples> {
  const samples: Samples = { live: [], resident: [] };
  const begun = performance.now();
  const minutes = (): number => (performance.now() - begun) / MINUTE_MS;
  let warm = false;
  while (minutes() < MINUTES) {
    load.start(RATE);
    await pause(SAMPLE_MS);
    // Requests under way would move the figures.
    await load.pause();
    const isFull = load.counts.sent > KEYS;
    const isFirst: boolean = !warm && minutes() >= WARM_UP_MINUTES && isFull;
    warm ||= isFirst;
    const now = await memory(child, isFirst ? inSnapshots('warm') : undefined);
    const mib = { live: now.live / 2 ** 20, resident: now.resident / 2 ** 20 };
    const { sent, errors } = load.counts;
    const figures = `${mib.live.toFixed(2)} MiB live, ${mib.resident.toFixed(1)} resident`;
    print(`${minutes().toFixed(1)} min: ${figures}, ${sent} requests ${JSON.stringify(errors)}`);
    if (!warm) continue;
    const x = minutes() / 60;
    samples.live.push({ x, y: mib.live });
    samples.resident.push({ x, y: mib.resident });
  }
  await memory(child, inSnapshots('end'));
  return samples;
}

function report({ live, resident }: Samples, { counts }: Load): void {
  if (live.length < 2) throw new Error('too few samples after the warm-up: raise MINUTES or RATE');
  print(`figure soak_slope ${percentAnHour(live).toFixed(2)} % per h`);
  print(`figure soak_resident_slope ${percentAnHour(resident).toFixed(2)} % per h`);
  const failed = Object.values(counts.errors).reduce((sum, each) => sum + each, 0);
  print(`figure soak_errors ${failed} requests`);
  print(`figure soak_requests ${counts.sent} requests`);
}

function percentAnHour(samples: readonly Sample[]): number {
  const mean = samples.reduce((sum, { y }) => sum + y, 0) / samples.length;
  return (slope(samples) / mean) * 100;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

await main();
