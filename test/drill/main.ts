/**
 * Breaks agents on the cluster of `make demo`, each in another way, under names that tell nothing, and times the
 * way from the page to the cause: `make drill`. With KEEP=1 the agents stay, for people to find the causes themselves.
 */
import { chooseCluster } from '../cluster/cluster.ts';
import { run } from '../cluster/common/command.ts';
import { say } from '../cluster/common/step.ts';
import { Narrator, mustShow } from '../demo/narrator.ts';
import { simulatorImage } from '../demo/scene.ts';
import { Sandbox } from '../e2e/sandbox.ts';
import { kubectlFor, ROOT } from '../kit/platform.ts';
import { waitFor } from '../kit/wait.ts';
import { breakages, type Breakage } from './breakages.ts';

/** What on-call.md promises, in milliseconds. */
const A_MINUTE = 60_000;

/** What a command said, how it ended, and how long it took, start of Node.js included. */
interface Said {
  text: string;
  status: number;
  ms: number;
}

interface Found {
  cause: string;
  agent: string;
  /** Time of the command that shows it. */
  askedMs: number;
}

async function breakwater(sandbox: Sandbox, ...args: string[]): Promise<Said> {
  const begun = performance.now();
  const line = [`${ROOT}dist/cli/breakwater.js`, ...args, '-n', sandbox.namespace];
  const { code, stdout, stderr } = await sandbox.kubectl.exec(process.execPath, line);
  return { text: stdout + stderr, status: code, ms: performance.now() - begun };
}

async function find(
  sandbox: Sandbox,
  narrator: Narrator,
  { cause, agent, asked, named, provoke }: Breakage,
): Promise<Found> {
  await provoke();
  const { text, ms } = await waitFor(
    `why ${asked} names its cause`,
    () => breakwater(sandbox, 'why', asked),
    (said) => named.test(said.text),
    { timeoutMs: A_MINUTE },
  );
  narrator.show(`kubectl breakwater why ${asked} -n ${sandbox.namespace}`, text);
  narrator.good(`${cause}: said after ${seconds(ms)}`);
  return { cause, agent, askedMs: ms };
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

async function drill(sandbox: Sandbox, narrator: Narrator): Promise<void> {
  narrator.step('Agents break');
  const broken = await breakages(sandbox);
  for (const { provoke } of broken) await provoke();
  narrator.step('The page: something is refused. Which agent?');
  const status = await breakwater(sandbox, 'status');
  narrator.show(`kubectl breakwater status -n ${sandbox.namespace}`, status.text);
  narrator.good(`said after ${seconds(status.ms)}`);
  mustShow(status.status === 1, 'status ended as if all were well');

  narrator.step('Why?');
  const found: Found[] = [];
  for (const breakage of broken) found.push(await find(sandbox, narrator, breakage));

  narrator.step('Summary');
  const rows = found.map(({ cause, agent, askedMs }) => {
    const whole = status.ms + askedMs;
    mustShow(whole < A_MINUTE, `${cause} took longer than a minute to find`);
    return `${cause.padEnd(25)} ${agent.padEnd(8)} why ${seconds(askedMs)}, page to cause ${seconds(whole)}`;
  });
  narrator.lines(rows);
  narrator.good(`the whole drill: ${narrator.elapsed()}`);
}

async function main(): Promise<void> {
  const cluster = await chooseCluster(process.env);
  const kubectl = await kubectlFor(cluster, process.env['PATH']);
  const simulator = await simulatorImage(kubectl);
  await run(process.execPath, ['esbuild.config.js', 'cli'], { cwd: ROOT });
  const images = { operator: '', runtime: '', simulator };
  const sandbox = await Sandbox.open('drill', { environment: kubectl.environment, images });
  const colours = process.stdout.isTTY && !process.env['NO_COLOR'];
  const keep = Boolean(process.env['KEEP']);
  try {
    await drill(sandbox, new Narrator(process.stdout, kubectl, colours));
  } finally {
    if (keep) say(`\nRemove it with: kubectl delete namespace ${sandbox.namespace}`);
    await sandbox.close(keep);
  }
}

try {
  await main();
} catch (error) {
  say(`\nThe drill failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
