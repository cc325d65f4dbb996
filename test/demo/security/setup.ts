import { readFile } from 'node:fs/promises';
import { Agents } from '../../kit/agents.ts';
import { Api } from '../../kit/api.ts';
import { openPods } from '../../kit/enforcement.ts';
import type { Platform } from '../../kit/platform.ts';
import { HELM_ARGUMENTS, ROOT } from '../../kit/platform.ts';
import { RemoteTools, simulatorService } from '../../kit/simulator.ts';
import { waitFor } from '../../kit/wait.ts';
import type { Narrator } from '../narrator.ts';
import { NAMESPACE, remotes, TRAFFIC } from '../scene.ts';
import { currentModel, helperPod } from '../setup.ts';
import { AGENT, KEYS, type SecurityScene } from './scene.ts';

/** Runs the tool of the agent and its MCP server. */
const OFFICE = { namespace: NAMESPACE, name: 'office', port: 9011 } as const;
const SAMPLES = 'config/samples';
const GUARDED = `${SAMPLES}/guarded`;

/** Applies config/samples/guarded beside the simulated model and waits until all is ready. */
export async function setUp(platform: Platform, narrator: Narrator): Promise<SecurityScene> {
  const { kubectl, images } = platform;
  narrator.step('The operator, and an agent that is watched');
  narrator.show(`helm ${HELM_ARGUMENTS.join(' ')} …`, images.operator);
  const api = await Api.connect(kubectl);
  const agents = new Agents(api, NAMESPACE);
  const files = ['namespace', 'model'].map((name) => `${ROOT}${SAMPLES}/${name}.yaml`);
  await kubectl.run(['apply', ...files.flatMap((file) => ['-f', file])]);
  await forgetEarlierRun(platform, api);
  const applied = await kubectl.run(['apply', '-k', `${ROOT}${GUARDED}`]);
  narrator.show(`kubectl apply -k ${GUARDED}`, applied);
  narrator.say('Its spec has, besides the model and the tools:');
  narrator.lines((await guardOf(`${ROOT}${GUARDED}/agent.yaml`)).map((line) => `  ${line}`));
  await kubectl.apply(JSON.stringify(simulatorService({ ...OFFICE, image: '' })));
  await Promise.all([
    helperPod(api, platform, TRAFFIC, 'traffic'),
    helperPod(api, platform, OFFICE, 'tools'),
    currentModel(platform),
  ]);
  await agents.waitForAgent(AGENT, 90_000);
  const { model, traffic } = remotes(api);
  await model.setFault(undefined);
  const [pod] = await openPods(platform, NAMESPACE, await agents.readyPods(AGENT));
  const scene: SecurityScene = {
    ...{ narrator, kubectl, api, agents, namespace: NAMESPACE, model, stranger: traffic },
    tools: new RemoteTools(api, NAMESPACE, `pods/${OFFICE.name}:${OFFICE.port}`),
    pod: pod!,
  };
  await waitForService(scene);
  await narrator.kubectl(`get agd ${AGENT} -n ${NAMESPACE} -o wide`);
  return scene;
}

/** Removes incidents and Events of an earlier run, because the demo would show them. */
async function forgetEarlierRun({ kubectl }: Platform, api: Api): Promise<void> {
  await kubectl.run([
    ...['delete', 'agentdeployment', AGENT, '-n', NAMESPACE],
    ...['--ignore-not-found', '--cascade=foreground', '--wait=false'],
  ]);
  await kubectl.run([
    ...['delete', 'pods', '-n', NAMESPACE, '-l', `breakwater.dev/agent=${AGENT}`],
    ...['--grace-period=1', '--wait=false'],
  ]);
  await waitFor(
    'the agent of an earlier run is gone',
    () => api.find('agentdeployments', NAMESPACE, AGENT),
    (found) => found === undefined,
    { timeoutMs: 120_000 },
  );
  await kubectl.run([
    ...['delete', 'events', '-n', NAMESPACE],
    ...['--field-selector', `involvedObject.name=${AGENT}`, '--ignore-not-found'],
  ]);
}

/** Waits for the Service, which refuses connections until its node knows the pods. */
async function waitForService({ stranger }: SecurityScene): Promise<void> {
  const url = `http://${AGENT}.${NAMESPACE}.svc`;
  await waitFor(
    `the Service ${url} leads to the pod`,
    () => stranger.burst({ url, count: 1, timeoutMs: 2000, apiKey: KEYS.alice }),
    ({ outcomes }) => outcomes['200'] === 1,
  );
}

/** The part of the manifest about security, after the pod template. */
async function guardOf(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8');
  return text.slice(text.indexOf('  # Who may ask.')).trimEnd().split('\n');
}
