/** `make demo`: shows Breakwater on a real cluster. CLUSTER chooses the cluster; see test/cluster. */
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
import type { Narrator } from './narrator.ts';
import { NAMESPACE, type Scene } from './scene.ts';
import { setUp } from './setup.ts';
import { perform } from './perform.ts';

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
  'make drill   # breaks fifteen agents, and times the way to each cause; docs/on-call.md',
  'make demo-argocd   # a real Argo CD takes these manifests over from git; docs/argo-cd.md',
  'make demo   # again, at any time',
  'make down   # removes all of it',
  `npx breakwater console -n ${NAMESPACE}   # the same in a browser; it prints the address`,
];

await perform('make demo', IDEAS, async (platform, narrator) => {
  const scene = await setUp(platform, narrator);
  try {
    sum(narrator, await play(scene));
  } finally {
    await scene.traffic.run(undefined).catch(() => undefined);
    await scene.model.setFault(undefined).catch(() => undefined);
    await scene.api.close();
  }
});
