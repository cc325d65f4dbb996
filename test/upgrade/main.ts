/**
 * Plays an upgrade as a user does it: from the first release's chart to this one, back by `helm rollback`, and forward again,
 * with requests to agents under way all the time: `make upgrade-story`. HELM=3 or HELM=4 chooses one Helm, else each has its turn.
 * It begins on a cluster without Breakwater and leaves it so.
 */
import { join } from 'node:path';
import { chooseCluster } from '../cluster/cluster.ts';
import type { Cluster } from '../cluster/common/cluster.ts';
import { say, step } from '../cluster/common/step.ts';
import { pinnedCheckout } from '../compat/pinnedVersion.ts';
import { mustShow, Narrator } from '../demo/narrator.ts';
import { Sandbox } from '../e2e/sandbox.ts';
import { Kubectl } from '../kit/kubectl.ts';
import { kubectlFor } from '../kit/platform.ts';
import { removeBreakwater, requireNone } from './cleanUp.ts';
import { chosenHelms, type HelmBuild } from './helms.ts';
import { Releases, type Release } from './releases.ts';
import { FRESH, HELD, Scene } from './scene.ts';
import { Table } from './table.ts';

/** Keeps everything at the end of the test, for inspection. */
const KEEP = Boolean(process.env['KEEP']);

/** The two releases, and the image of the simulated model. */
interface Setup {
  first: Release;
  own: Release;
  simulator: string;
}

async function play(kubectl: Kubectl, setup: Setup, narrator: Narrator): Promise<void> {
  const { first, own, simulator } = setup;
  const releases = new Releases(kubectl, narrator);
  const images = { operator: '', runtime: '', simulator };
  narrator.step(`The first release, installed by Helm ${await releases.version()}`);
  await releases.install(first);
  const sandbox = await Sandbox.open('upgrade', { environment: kubectl.environment, images });
  try {
    const scene = await Scene.open(sandbox);
    const table = new Table(scene);
    narrator.good('an agent serves 20 requests a second; two others have open circuits');
    const pods = await scene.heldPods();
    await table.row('first release, under traffic');

    narrator.step('Definitions leave the release, so that a rollback does not take them back');
    await releases.upgrade(first, ['crds.install=false']);
    await releases.applyDefinitions();
    await table.row('definitions handed over and upgraded');

    narrator.step('Upgrade');
    await scene.hold();
    narrator.say(`${HELD} is held by breakwater.dev/paused, so that its pods stay.`);
    await releases.upgrade(own);
    await scene.settled(own.images.runtime);
    await scene.setNewerFields();
    await table.row('helm upgrade to this release', true);

    narrator.step('Rollback');
    await releases.rollback(2);
    await scene.settled(first.images.runtime);
    await table.row('helm rollback to the first release', true);

    narrator.step('A rollback that would take the definitions back');
    await releases.rollbackIsRefused(1);
    await table.row('helm rollback 1, refused', true);

    narrator.step('Forward again');
    await releases.upgrade(own);
    await scene.settled(own.images.runtime);
    await table.row('helm upgrade once more', true);

    narrator.step('Summary');
    await narrator.kubectl(`get agentdeployments,circuitbreakerpolicies -n ${sandbox.namespace}`);
    narrator.lines(['', ...table.lines()]);
    mustShow((await scene.heldPods()) === pods, `pods of ${HELD} were replaced or restarted`);
    table.check();
    narrator.good(`no request failed, no field was lost, ${HELD} kept its pods and open circuits`);
    narrator.say(`Pods of ${FRESH} were replaced, and their circuits with them.`);
  } finally {
    await sandbox.close(KEEP);
  }
}

async function withHelm(cluster: Cluster, setup: Setup, build: HelmBuild): Promise<void> {
  const directory = await build();
  const { environment } = await kubectlFor(cluster, process.env['PATH']);
  const kubectl = new Kubectl({ ...environment, PATH: `${directory}:${environment.PATH}` });
  const colours = process.stdout.isTTY && !process.env['NO_COLOR'];
  await requireNone(kubectl);
  try {
    await play(kubectl, setup, new Narrator(process.stdout, kubectl, colours));
  } finally {
    if (!KEEP) await step('Removing Breakwater', () => removeBreakwater(kubectl));
  }
}

async function prepare(cluster: Cluster): Promise<Setup> {
  const root = await pinnedCheckout();
  const own = await cluster.images();
  const chart = 'charts/breakwater';
  return {
    first: {
      chart: join(root, chart),
      shown: `FIRST/${chart}`,
      images: await cluster.images(root),
    },
    own: { chart, shown: chart, images: own },
    simulator: own.simulator,
  };
}

async function main(): Promise<void> {
  const builds = chosenHelms(process.env['HELM']);
  const cluster = await chooseCluster(process.env);
  await cluster.up();
  const setup = await prepare(cluster);
  for (const build of builds) await withHelm(cluster, setup, build);
}

try {
  await main();
} catch (error) {
  say(`\nThe upgrade story failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
