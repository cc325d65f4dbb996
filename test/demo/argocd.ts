/**
 * `make demo-argocd`: a real Argo CD takes over the objects of `make demo` from a git repository on this machine. Measures
 * the time from a commit until it is in force in the pods. Argo CD's controllers run as processes beside the cluster. At
 * the end they stop, and the demo is unchanged.
 */
import { Applications, type Application } from '../argocd/applications.ts';
import { ArgoCd } from '../argocd/argoCd.ts';
import { argoCdBinaries, argoCdDefinitions } from '../argocd/program.ts';
import { filesUnder, Repository } from '../argocd/repository.ts';
import { chooseCluster } from '../cluster/cluster.ts';
import { say } from '../cluster/common/step.ts';
import { Sandbox } from '../e2e/sandbox.ts';
import { Agents, restarts } from '../kit/agents.ts';
import { hasCondition } from '../kit/conditions.ts';
import { kubectlFor, ROOT } from '../kit/platform.ts';
import { mustShow, Narrator } from './narrator.ts';
import { NAME, NAMESPACE, simulatorImage } from './scene.ts';

const SAMPLES = 'config/samples';
const BREAKER = `${SAMPLES}/circuit-breaker.yaml`;
/** Name of the Application. */
const DEMO = 'demo';

interface Setup {
  home: Sandbox;
  narrator: Narrator;
  repository: Repository;
  applications: Applications;
  agents: Agents;
}

const application = (url: string, simulator: string): Record<string, unknown> => ({
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name: DEMO },
  spec: {
    project: 'default',
    source: {
      repoURL: url,
      targetRevision: 'main',
      path: SAMPLES,
      kustomize: { images: [`localhost/breakwater/simulator=${simulator}`] },
    },
    destination: { server: 'https://kubernetes.default.svc', namespace: NAMESPACE },
    syncPolicy: { automated: { selfHeal: true } },
  },
});

/** Lines with our objects and their health. */
function told({ status }: Application): string[] {
  return (status?.resources ?? [])
    .filter(({ kind }) => /^(AgentDeployment|\w+Policy)$/.test(kind))
    .map((each) =>
      [each.kind.padEnd(22), each.status, each.health?.status, each.health?.message].join('  '),
    );
}

/** Tells Argo CD about a commit. Returns the seconds until every pod has confirmed the policy with this duration. */
async function inForce({ applications, agents }: Setup, openDuration: string): Promise<number> {
  const begun = performance.now();
  await applications.refresh(DEMO);
  await agents.waitForBreaker(
    NAME,
    `every pod enforces openDuration ${openDuration}`,
    (policy) =>
      policy.spec.openDuration === openDuration &&
      policy.status?.observedGeneration === policy.metadata.generation &&
      hasCondition(policy, 'Programmed', 'True'),
    60_000,
  );
  return (performance.now() - begun) / 1000;
}

async function play(setup: Setup, simulator: string): Promise<void> {
  const { narrator, repository, applications, agents } = setup;
  narrator.step('Argo CD takes over what kubectl applied');
  const before = restarts(await agents.readyPods(NAME));
  await applications.create('applications', application(repository.url, simulator));
  const begun = performance.now();
  narrator.lines(told(await applications.settled(DEMO)));
  narrator.good(`Synced and Healthy after ${((performance.now() - begun) / 1000).toFixed(1)} s`);

  narrator.step('A commit that edits a policy, and one that rolls it back');
  const text = await repository.read(BREAKER);
  const [, original] = /^ {2}openDuration: (\S+)$/m.exec(text)!;
  const edited = text.replace(`openDuration: ${original}`, 'openDuration: 7s');
  await repository.commit('Probe sooner', { [BREAKER]: edited });
  narrator.good(`in force in all pods after ${(await inForce(setup, '7s')).toFixed(1)} s`);
  await repository.revert();
  narrator.good(`rolled back after ${(await inForce(setup, original!)).toFixed(1)} s`);
  const after = restarts(await agents.readyPods(NAME));
  const same = JSON.stringify(after) === JSON.stringify(before);
  mustShow(same, `pods were ${JSON.stringify(before)} and are ${JSON.stringify(after)}`);
  narrator.good(`the same ${Object.keys(after).length} pods, and none of them restarted`);
}

async function main(): Promise<void> {
  await argoCdBinaries();
  await argoCdDefinitions();
  const kubectl = await kubectlFor(await chooseCluster(process.env), process.env['PATH']);
  const simulator = await simulatorImage(kubectl);
  const images = { operator: '', runtime: '', simulator };
  const home = await Sandbox.open('argocd', { environment: kubectl.environment, images });
  const colours = process.stdout.isTTY && !process.env['NO_COLOR'];
  const narrator = new Narrator(process.stdout, kubectl, colours);
  const repository = await Repository.create();
  let argoCd: ArgoCd | undefined;
  try {
    await repository.commit('Begin', await filesUnder(ROOT, SAMPLES));
    argoCd = await ArgoCd.start(kubectl, home.namespace);
    const applications = new Applications(home.api, home.namespace);
    const agents = new Agents(home.api, NAMESPACE);
    await play({ home, narrator, repository, applications, agents }, simulator);
  } finally {
    // Removes the finalizers of the Applications, which would delete the demo.
    await argoCd?.stop();
    await repository.remove();
    await home.close();
  }
  narrator.good(`the whole story: ${narrator.elapsed()}`);
}

try {
  await main();
} catch (error) {
  say(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
