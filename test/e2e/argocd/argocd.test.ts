import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { CircuitBreakerPolicy, RateLimitPolicy } from '../../../crds/generated/types.ts';
import type { KubernetesObject } from '../../../crds/meta.ts';
import { type Application, Applications, resource } from '../../argocd/applications.ts';
import { ArgoCd } from '../../argocd/argoCd.ts';
import { askArgoCd } from '../../argocd/lua.ts';
import { argoCdBinaries, argoCdDefinitions } from '../../argocd/program.ts';
import { filesUnder, Repository } from '../../argocd/repository.ts';
import { say } from '../../cluster/common/step.ts';
import { condition } from '../../kit/conditions.ts';
import { enforcedEverywhere, type PodClient } from '../../kit/enforcement.ts';
import {
  installOperator,
  OPERATOR,
  OPERATOR_NAMESPACE,
  ROOT,
  uninstallOperator,
} from '../../kit/platform.ts';
import { RemoteModel } from '../../kit/simulator.ts';
import { waitFor } from '../../kit/wait.ts';
import { Sandbox } from '../sandbox.ts';

/** Time for the build, if `make e2e` has not done it before. */
const BUILD_MS = 1_800_000;
const DEFINITIONS = ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'];
const TENANTS = 'config/argocd/tenants';
const SAMPLES = 'config/samples';
/** Longest time from the notice of a commit to its enforcement in every pod. */
const ENFORCED_WITHIN_S = 30;

jest.setTimeout(420_000);

const isOk = ({ status }: { status: number }): boolean => status === 200;
const isLimited = ({ status }: { status: number }): boolean => status === 429;
const isRefused = ({ status }: { status: number }): boolean => status === 503;

describe('Argo CD', () => {
  let argoCd: ArgoCd;
  let repository: Repository;
  /** Namespaces of Argo CD's own objects and of those that it deploys. */
  let home: Sandbox;
  let samples: Sandbox;
  let tenants: Sandbox[];
  let applications: Applications;
  let model: RemoteModel;
  let ways: PodClient[];
  let isInstalledByArgoCd = false;

  beforeAll(async () => {
    await argoCdBinaries();
    await argoCdDefinitions();
  }, BUILD_MS);

  beforeAll(async () => {
    home = await Sandbox.open('argocd');
    samples = await Sandbox.open('samples');
    tenants = [await Sandbox.open('acme'), await Sandbox.open('globex')];
    applications = new Applications(home.api, home.namespace);
    model = new RemoteModel(samples.api, samples.namespace, 'services/model:80');
    repository = await Repository.create();
    await repository.commit('Begin', {
      ...(await filesUnder(ROOT, 'charts', SAMPLES)),
      ...(await tenantFiles()),
    });
    argoCd = await ArgoCd.start(home.kubectl, home.namespace);
  });

  afterAll(async () => {
    try {
      await argoCd?.stop();
      await repository?.remove();
      if (isInstalledByArgoCd) await installOperator(home, { takeOwnership: true });
      const definitions = DEFINITIONS.map((plural) => `${plural}.breakwater.dev`);
      const tracking = 'argocd.argoproj.io/tracking-id-';
      await home.kubectl.run(['annotate', 'customresourcedefinitions', ...definitions, tracking]);
    } finally {
      await Promise.all([home, samples, ...tenants].map((sandbox) => sandbox.close()));
    }
  });

  let isFailed = true;
  afterEach(() => {
    if (isFailed) say(argoCd?.logs() ?? '');
    isFailed = true;
  });
  /** A test that prints Argo CD's logs if it fails. */
  const test = (name: string, body: () => Promise<void>): void =>
    it(name, async () => {
      await body();
      isFailed = false;
    });

  /** The example for each tenant, with the simulated model and small pods. */
  async function tenantFiles(): Promise<Record<string, string>> {
    const example = await filesUnder(join(ROOT, TENANTS, 'example'), '.');
    const patch = stringify([
      { op: 'add', path: '/spec/model/endpoints/0/baseURL', value: modelURL() },
      { op: 'add', path: '/spec/podTemplate', value: SMALL },
    ]);
    const kustomization = parse(example['kustomization.yaml']!) as Record<string, unknown>;
    const patches = [{ target: { kind: 'AgentDeployment' }, patch }];
    const files = { ...example, 'kustomization.yaml': stringify({ ...kustomization, patches }) };
    return Object.fromEntries(
      tenants.flatMap(({ namespace }) =>
        Object.entries(files).map(([name, text]) => [`${TENANTS}/${namespace}/${name}`, text]),
      ),
    );
  }

  const modelURL = (): string => `http://model.${samples.namespace}.svc`;
  const isSynced = ({ status }: Application): boolean => status?.sync?.status === 'Synced';

  /** An object of config/argocd with the test's git repository. */
  async function manifests(file: string): Promise<KubernetesObject[]> {
    const text = await readFile(join(ROOT, 'config/argocd', file), 'utf8');
    const ours = text
      .replaceAll('https://git.example.com/platform/breakwater.git', repository.url)
      .replaceAll('targetRevision: v0.1.0', 'targetRevision: main');
    return parseAllDocuments(ours).map((document) => document.toJS() as KubernetesObject);
  }

  /** Commits an edit of one file. */
  async function edit(path: string, from: string, to: string): Promise<string> {
    const text = await repository.read(path);
    expect(text).toContain(from);
    return repository.commit(`Edit ${path}`, { [path]: text.replace(from, to) });
  }

  /** Tells Argo CD of a commit. Returns the seconds until every pod answers as expected. */
  async function enforced(
    what: string,
    isDone: (answer: { status: number }) => boolean,
  ): Promise<number> {
    const started = performance.now();
    await applications.refresh('samples');
    const done = await enforcedEverywhere(ways, what, isDone, { timeoutMs: 60_000 });
    return (done - started) / 1000;
  }

  test('installs the operator from config/argocd', async () => {
    const { images } = home;
    await uninstallOperator(home);
    isInstalledByArgoCd = true;
    const [application] = (await manifests('application.yaml')) as Application[];
    const { source } = application!.spec as { source: { helm: Record<string, unknown> } };
    const { operator, runtime } = images;
    source.helm['valuesObject'] = { image: { operator, runtime } };
    await applications.create('applications', application);
    const installed = await applications.settled('breakwater');
    expect(resource(installed, 'Deployment', OPERATOR)?.health?.status).toBe('Healthy');
    for (const plural of DEFINITIONS)
      expect(
        resource(installed, 'CustomResourceDefinition', `${plural}.breakwater.dev`),
      ).toMatchObject({ status: 'Synced', health: { status: 'Healthy' } });
  });

  test('deploys config/samples and shows the health of each kind', async () => {
    const patch = stringify([
      { op: 'replace', path: '/spec/model/endpoints/0/baseURL', value: modelURL() },
    ]);
    await applications.create('applications', {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name: 'samples' },
      spec: {
        project: 'default',
        source: {
          repoURL: repository.url,
          targetRevision: 'main',
          path: SAMPLES,
          kustomize: {
            namespace: samples.namespace,
            images: [`localhost/breakwater/simulator=${home.images.simulator}`],
            patches: [{ target: { kind: 'AgentDeployment' }, patch }],
          },
        },
        destination: { server: 'https://kubernetes.default.svc', namespace: samples.namespace },
        syncPolicy: { automated: { prune: true, selfHeal: true } },
      },
    });
    const deployed = await applications.settled('samples');
    expect(resource(deployed, 'AgentDeployment', 'triage')).toMatchObject({
      status: 'Synced',
      health: { status: 'Healthy', message: '3/3 pods are ready.' },
    });
    for (const kind of ['CircuitBreakerPolicy', 'RateLimitPolicy'])
      expect(resource(deployed, kind, 'triage')).toMatchObject({
        status: 'Synced',
        health: { status: 'Healthy', message: '3/3 pods enforce generation 1.' },
      });
    ways = await samples.ways('triage');
    await enforcedEverywhere(ways, 'it serves', isOk);
  });

  test('brings a commit and its rollback into force in pods within seconds', async () => {
    const path = `${SAMPLES}/rate-limit.yaml`;
    const limit = parse(await repository.read(path)) as RateLimitPolicy;
    const limits = [{ name: 'requests', refill: { amount: 1, per: '1h' }, capacity: 1 }];
    await repository.commit('Let nearly nothing through', {
      [path]: stringify({ ...limit, spec: { ...limit.spec, limits } }),
    });
    const forward = await enforced('it is limited', isLimited);
    await applications.settled('samples');
    await repository.revert();
    const back = await enforced('it serves', isOk);
    await applications.settled('samples');
    const figures = `${forward.toFixed(1)} s, rolled back ${back.toFixed(1)} s`;
    say(`From Argo CD hearing of a commit to its enforcement in 3 pods: ${figures}`);
    expect(Math.max(forward, back)).toBeLessThan(ENFORCED_WITHIN_S);
  });

  test('shows a refused policy as Degraded with the reason', async () => {
    const kustomization = `${SAMPLES}/kustomization.yaml`;
    const policy = samples.breaker('astray', 'nobody');
    await repository.commit('Add a policy for no agent', {
      [`${SAMPLES}/astray.yaml`]: stringify(policy),
      [kustomization]: `${await repository.read(kustomization)}  - astray.yaml\n`,
    });
    await applications.refresh('samples');
    const degraded = await applications.until(
      'samples',
      'is Degraded',
      ({ status }) => status?.health?.status === 'Degraded',
    );
    expect(isSynced(degraded)).toBe(true);
    expect(resource(degraded, 'CircuitBreakerPolicy', 'astray')?.health).toEqual({
      status: 'Degraded',
      message: expect.stringMatching(
        /^TargetNotFound: There is no AgentDeployment nobody in this namespace\./,
      ),
    });
    const revision = await repository.revert();
    await applications.refresh('samples');
    await applications.settled('samples', revision);
    expect(await samples.api.find('circuitbreakerpolicies', samples.namespace, 'astray')).toBe(
      undefined,
    );
  });

  test('shows an open circuit as Healthy with a message', async () => {
    const path = `${SAMPLES}/circuit-breaker.yaml`;
    await edit(path, 'openDuration: 10s\n', 'openDuration: 10m\n');
    const revision = await edit(path, 'maxOpenDuration: 1m\n', 'maxOpenDuration: 10m\n');
    await applications.refresh('samples');
    await applications.settled('samples', revision);
    await openCircuits();
    const shown = await applications.comparedUntil(
      'samples',
      'shows the open circuit',
      (application) =>
        resource(application, 'CircuitBreakerPolicy', 'triage')?.health?.message?.startsWith(
          'CircuitOpen: Calls fail at once on model/primary of triage in 3/3 pods',
        ) === true,
    );
    expect(shown.status).toMatchObject({
      sync: { status: 'Synced' },
      health: { status: 'Healthy' },
    });
    expect(resource(shown, 'CircuitBreakerPolicy', 'triage')?.health?.status).toBe('Healthy');
    expect(resource(shown, 'AgentDeployment', 'triage')?.health?.status).toBe('Healthy');
  });

  /** Opens the circuit of every pod by an overloaded model, and then heals the model. */
  async function openCircuits(): Promise<void> {
    await model.setFault({ status: 529 });
    await sendUntil('Open in 3 pods', ({ status }) => status?.pods?.open === 3);
    await model.setFault(undefined);
  }

  /** Sends requests to every pod until the status of the policy is as it should be. */
  async function sendUntil(
    description: string,
    isDone: (policy: CircuitBreakerPolicy) => boolean,
  ): Promise<void> {
    await samples.agents.waitForBreaker('triage', description, (policy) => {
      for (const way of ways) void way.send().catch(() => undefined);
      return isDone(policy);
    });
  }

  /** Runs an action as Argo CD's API server does. */
  async function act(action: string, parameters?: Record<string, string>): Promise<void> {
    const object = await samples.agents.breaker('triage');
    const asked = { ask: 'run' as const, object, action, ...(parameters && { parameters }) };
    const [answer] = await askArgoCd([asked]);
    expect(answer?.error).toBeUndefined();
    const { patch } = answer!;
    await samples.api.mergePatch('circuitbreakerpolicies', samples.namespace, 'triage', patch);
  }

  const lastChange = ({ status }: CircuitBreakerPolicy): string | undefined =>
    status?.transitions?.[0]?.reason;

  test('closes, holds open and releases circuits by its actions, which self-heal does not undo', async () => {
    await act('reset');
    await enforcedEverywhere(ways, 'it serves', isOk);
    expect(
      lastChange(
        await samples.agents.waitForBreaker(
          'triage',
          'is closed',
          (policy) => policy.status?.state === 'Closed',
        ),
      ),
    ).toBe('reset token changed');

    await act('force-open', { minutes: '5', reason: 'maintenance' });
    await enforcedEverywhere(ways, 'it is held open', isRefused);
    await samples.agents.waitForBreaker(
      'triage',
      'shows the override',
      (policy) => condition(policy, 'Tripped')?.reason === 'Override',
    );
    await applications.comparedUntil(
      'samples',
      'is Healthy with the override as the message',
      (application) =>
        isSynced(application) &&
        application.status?.health?.status === 'Healthy' &&
        resource(application, 'CircuitBreakerPolicy', 'triage')?.health?.message?.startsWith(
          'Override: spec.override (maintenance) holds circuits open until ',
        ) === true,
    );
    expect(isSynced(await applications.compared('samples'))).toBe(true);
    expect((await samples.agents.breaker('triage')).spec.override).toMatchObject({ state: 'Open' });

    await act('clear-override');
    await enforcedEverywhere(ways, 'it serves', isOk);
    // The status still counts the circuits that the override held open.
    await sendUntil('Closed', ({ status }) => status?.state === 'Closed');
    await openCircuits();
    await act('reset');
    await enforcedEverywhere(ways, 'it serves', isOk);
    const closed = await samples.agents.waitForBreaker(
      'triage',
      'the reset is acknowledged',
      ({ spec, status }) => status?.lastHandledResetToken === spec.resetToken,
    );
    expect(lastChange(closed)).toBe('reset token changed');
    expect(closed.spec.override).toBeUndefined();
    expect(isSynced(await applications.compared('samples'))).toBe(true);
  });

  test('reverts a foreign edit of what is in git', async () => {
    await samples.api.mergePatch('ratelimitpolicies', samples.namespace, 'triage', {
      spec: { limits: [{ name: 'requests', refill: { amount: 1, per: '1h' }, capacity: 1 }] },
    });
    await waitFor(
      'the edit is gone',
      () => samples.agents.limit('triage'),
      ({ spec }) => spec.limits[0]?.capacity === 100,
    );
    await applications.settled('samples');
  });

  test('deploys the tenants of the ApplicationSet wave by wave, and no field has two writers', async () => {
    for (const tenant of tenants) await tenant.apply(tenant.secret('anthropic', 'made-up'));
    const [project, set] = await manifests('applicationset.yaml');
    await applications.create('appprojects', project);
    await applications.create('applicationsets', set);
    for (const { namespace } of tenants) {
      const name = `agents-${namespace}`;
      const settled = await applications.settled(name);
      expect(resource(settled, 'AgentDeployment', 'assistant')?.health?.status).toBe('Healthy');
      expect(settled.status?.history).toHaveLength(1);
    }
    const [{ namespace, api, agents }] = tenants as [Sandbox];
    const scaled = await waitFor(
      'the autoscaler has its two pods',
      () =>
        api.get<KubernetesObject & { spec: { replicas: number } }>(
          'deployments',
          namespace,
          'assistant',
        ),
      ({ spec }) => spec.replicas === 2,
    );
    expect(scaled.metadata.annotations).not.toHaveProperty('argocd.argoproj.io/tracking-id');
    // The default of the Deployment: neither git nor the autoscaler sets the number.
    expect((await agents.agent('assistant')).spec.replicas).toBe(1);
    for (let round = 0; round < 3; round += 1) {
      const { status } = await applications.compared(`agents-${namespace}`);
      expect(status).toMatchObject({ sync: { status: 'Synced' }, health: { status: 'Healthy' } });
      expect(status?.history).toHaveLength(1);
    }
  });

  test('stops a sync at a refused wave', async () => {
    const [{ namespace, agents }] = tenants as [Sandbox];
    const name = `agents-${namespace}`;
    const directory = `${TENANTS}/${namespace}`;
    const good = await repository.read(`${directory}/canary.yaml`);
    const second = await repository.read(`${directory}/assistant.yaml`);
    const revision = await repository.commit('Edit both waves, the first one badly', {
      [`${directory}/canary.yaml`]: good.replace('[{ name: canary }]', '[{ name: canari }]'),
      [`${directory}/assistant.yaml`]: second.replace(
        'consecutiveFailures: 5',
        'consecutiveFailures: 7',
      ),
    });
    await applications.refresh(name);
    const stopped = await applications.until(
      name,
      'the canary has stopped the sync',
      ({ status }) =>
        status?.operationState?.syncResult?.revision === revision &&
        status.operationState.syncResult.resources?.some(
          ({ kind, hookPhase }) => kind === 'CircuitBreakerPolicy' && hookPhase === 'Failed',
        ) === true,
    );
    expect(resource(stopped, 'CircuitBreakerPolicy', 'canary')?.health).toMatchObject({
      status: 'Degraded',
      message: expect.stringContaining(
        'TargetNotFound: There is no AgentDeployment canari',
      ) as unknown as string,
    });
    expect((await agents.breaker('assistant')).spec.trip.consecutiveFailures).toBe(5);
    const back = await repository.revert();
    await applications.refresh(name);
    await applications.settled(name, back);
  });

  test('removes what it deployed and keeps the definitions', async () => {
    await applications.removeSet('agents');
    await applications.remove('samples');
    await applications.remove('breakwater');
    const { api } = home;
    expect(await api.find('deployments', OPERATOR_NAMESPACE, OPERATOR)).toBeUndefined();
    expect(
      await home.kubectl.run(['get', 'crd', 'agentdeployments.breakwater.dev', '-oname']),
    ).toMatch(/agentdeployments/);
  });
});

/** Less than the default, so that all pods fit on a small machine. */
const SMALL = {
  spec: {
    containers: [{ name: 'agent', resources: { requests: { cpu: '20m', memory: '64Mi' } } }],
  },
};
