/** What strangers send to the ports of an operator with links to 10,000 pods, in a process of its own with a small heap. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServers, type ServersOptions } from '../../operator/servers.ts';
import { harness } from '../../operator/testing/linksHarness.ts';
import { target } from '../../operator/testing/messages.ts';
import { askLoop, loopFlags } from '../../runtime/testing/loop.ts';
import { until } from '../../runtime/testing/until.ts';
import { knock, OPERATOR_HEADS } from './doors.ts';
import type { Fuzzed } from './operator.ts';
import { Random } from './random.ts';
import { freePort } from '../cluster/common/freePort.ts';

const PODS = 10_000;
/** Inputs at a time. */
const AT_ONCE = 8;

/** Serves on free ports, which it prints. */
async function serve(): Promise<void> {
  const { links, registry } = harness();
  links.setTargets(Array.from({ length: PODS }, (_, n) => target(n, { agent: `agent-${n >> 1}` })));
  const [metrics = 0, health = 0, debug = 0] = await Promise.all(
    Array.from({ length: 3 }, freePort),
  );
  const ports = { metrics, health, debug };
  // Of an operator whose caches are current and empty.
  const caches = { all: [], required: [], synced: true, agents: { list: () => [] } };
  const options = { settings: { ports }, registry, caches, links, work: () => undefined };
  await startServers(options as unknown as ServersOptions);
  process.stdout.write(`${JSON.stringify(ports)}\n`);
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ port, path: '/readyz' }, (response) => resolve(response.resume().statusCode === 200)).on(
      'error',
      () => resolve(false),
    );
  });
}

/** Fuzzes until the time is over. Rejects when the operator ends or serves no longer. */
export async function fuzzOperatorPorts(seed: number, seconds: number): Promise<Fuzzed> {
  const random = new Random(seed);
  const directory = await mkdtemp(join(tmpdir(), 'fuzz-ports-'));
  const flags = ['--max-old-space-size=256', ...loopFlags(directory)];
  const child = spawn(process.execPath, [...flags, import.meta.filename], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const ports = JSON.parse(line.toString()) as Record<keyof typeof OPERATOR_HEADS, number>;
    let inputs = 0;
    const run = async (ms: number): Promise<void> => {
      const end = performance.now() + ms;
      const one = async (): Promise<void> => {
        while (performance.now() < end) {
          inputs += 1;
          await knock(random, ports, OPERATOR_HEADS);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, one));
      await until(() => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the operator ended over seed ${seed}`);
        return isReady(ports.health);
      }, 20_000);
    };
    await run(seconds * 250);
    const { heapBytes: startBytes } = await askLoop(directory, '/collect');
    await run(seconds * 750);
    const { longestHoldMs } = await askLoop(directory);
    const { heapBytes } = await askLoop(directory, '/collect');
    const longest = 'what came to its ports';
    return { inputs, longestHoldMs, longest, grownBytes: heapBytes - startBytes, startBytes };
  } finally {
    child.kill('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

if (import.meta.main) await serve();
