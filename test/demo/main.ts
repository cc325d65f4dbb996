/** Shows the whole on a real cluster: `make demo`. CLUSTER chooses the cluster; see test/cluster. */
import { say } from '../cluster/common/step.ts';
import type { Platform } from '../kit/platform.ts';
import { preparePlatform } from '../kit/platform.ts';
import type { Figures } from './acts.ts';
import {
  eventsTell,
  healthy,
  modelFails,
  modelRecovers,
  policyEdited,
  rateLimited,
  tracedRequest,
  traceShown,
} from './acts.ts';
import { oneLimit, votes } from './fleet.ts';
import { Narrator } from './narrator.ts';
import { NAMESPACE, type Scene } from './scene.ts';
import { setUp } from './setup.ts';

async function play(scene: Scene): Promise<Figures> {
  await healthy(scene);
  const openMs = await modelFails(scene);
  await eventsTell(scene);
  const enforcedMs = await policyEdited(scene);
  const closedMs = await modelRecovers(scene);
  await rateLimited(scene);
  await oneLimit(scene);
  await votes(scene);
  const traceId = await tracedRequest(scene);
  await traceShown(scene, traceId);
  return { openMs, enforcedMs, closedMs };
}

function sum(narrator: Narrator, figures: Figures): void {
  narrator.step('Summary');
  narrator.good(
    `model fails → circuits open in 3/3 pods, visible to kubectl: ${figures.openMs.toFixed(0)} ms`,
  );
  narrator.good(
    `kubectl apply → enforced in 3/3 pods, no restart: ${figures.enforcedMs.toFixed(0)} ms`,
  );
  narrator.good(`half-open with traffic → closed in 3/3 pods: ${figures.closedMs.toFixed(0)} ms`);
  narrator.good(`the whole story: ${narrator.elapsed()}`);
}

const IDEAS = [
  `kubectl get agd,cbp,arlp -n ${NAMESPACE}`,
  'kubectl explain circuitbreakerpolicies.spec',
  `kubectl describe cbp triage -n ${NAMESPACE}`,
  `kubectl port-forward -n ${NAMESPACE} service/triage 8080:80   # then ANTHROPIC_BASE_URL=http://localhost:8080`,
  `kubectl port-forward -n ${NAMESPACE} service/model 8081:80    # then break it: curl -X PUT localhost:8081/control/fault -d '{"status": 529}'`,
  `kubectl get --raw /api/v1/namespaces/${NAMESPACE}/services/collector:4318/proxy/traces   # traces of requests; docs/one-request.md`,
  `kubectl logs -n ${NAMESPACE} -l breakwater.dev/agent=triage --tail 5`,
  'make drill   # breaks five agents, and times the way to each cause; docs/on-call.md',
  'make demo-argocd   # a real Argo CD takes these manifests over from git; docs/argo-cd.md',
  'make demo   # again, at any time',
  'make down   # removes all of it',
];

async function invite(narrator: Narrator, { cluster }: Platform): Promise<void> {
  const path = (await cluster.path()).join(':');
  narrator.step('Now you: the cluster stays up');
  narrator.say('Reach it from this shell:');
  narrator.lines([
    `  export KUBECONFIG=${cluster.kubeconfig}`,
    ...(path ? [`  export PATH=${path}:$PATH`] : []),
  ]);
  narrator.say('Then try:');
  narrator.lines(IDEAS.map((line) => `  ${line}`));
}

async function main(): Promise<void> {
  const out = process.stdout;
  const platform = await preparePlatform(process.env);
  const colours = out.isTTY && !process.env.NO_COLOR;
  const narrator = new Narrator(out, platform.kubectl, colours);
  const scene = await setUp(platform, narrator);
  try {
    sum(narrator, await play(scene));
  } finally {
    await scene.traffic.run(undefined).catch(() => undefined);
    await scene.model.setFault(undefined).catch(() => undefined);
    await scene.api.close();
  }
  await invite(narrator, platform);
}

try {
  await main();
} catch (error) {
  say(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}`);
  say('Run it again with make demo; make down removes what is there.');
  process.exitCode = 1;
}
