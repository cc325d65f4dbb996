/**
 * Runs two lists of make targets side by side: `node test/beside.ts 'TARGET...' 'TARGET...'`. The second list runs at a low
 * priority, for targets that compute while those of the first list wait for pods. What a target of the second list prints
 * appears when it has ended. Exits 1 when a target failed; the targets after it in its list do not run then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import process from 'node:process';

const running = new Set<ChildProcess>();
let isStopped = false;

/** Ctrl-C reaches the targets without this process; what ends this one alone does not. */
function stop(signal: NodeJS.Signals): void {
  isStopped = true;
  if (signal === 'SIGTERM') for (const child of running) child.kill(signal);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);

const ended = async (child: ChildProcess): Promise<boolean> => {
  running.add(child);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  running.delete(child);
  return code === 0;
};

function foreground(target: string): Promise<boolean> {
  return ended(spawn('make', ['-s', target], { stdio: ['ignore', 'inherit', 'inherit'] }));
}

async function background(target: string): Promise<boolean> {
  const started = performance.now();
  const child = spawn('nice', ['-n', '5', 'make', '-s', target], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const isGood = await ended(child);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  const outcome = isGood ? `done in ${seconds} s` : `FAILED after ${seconds} s`;
  process.stderr.write(`\n==> make ${target}: ${outcome}\n${printed}\n`);
  return isGood;
}

/** Runs targets in their order up to the first that fails. */
async function all(targets: string, run: (target: string) => Promise<boolean>): Promise<boolean> {
  for (const target of targets.split(' ')) {
    if (isStopped || !(await run(target))) return false;
  }
  return true;
}

const [waiting = '', computing = ''] = process.argv.slice(2);
const good = await Promise.all([all(waiting, foreground), all(computing, background)]);
process.exitCode = good.every(Boolean) ? 0 : 1;
