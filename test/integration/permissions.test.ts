import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { parse, stringify } from 'yaml';
import { CONTROL_AUDIENCE, PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import {
  EventRecorder,
  KubeClient,
  loadClusterConfig,
  Transport,
} from '../../operator/kube/index.ts';
import { hello, snapshot, target } from '../../operator/testing/messages.ts';
import { PodServer } from '../../operator/testing/podServer.ts';
import { permissions, type Scope } from '../../operator/resources/permissions.ts';
import { DELETION_COST } from '../../operator/reconcile/deletionCosts.ts';
import { prometheusOperatorDefinitions } from '../cluster/local/prometheusOperator.ts';
import { waitFor } from '../cluster/common/step.ts';
import { kedaDefinitions } from '../keda/program.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';
import { installChart, type ChartInstallation } from './chartInstallation.ts';
import { replicaSetOf } from '../kit/replicaSet.ts';
import { startOperator, type TestOperator } from './testOperator.ts';

const NAMESPACE = 'breakwater-system';
const USER = `system:serviceaccount:${NAMESPACE}:breakwater-operator`;
const AGENTS = 'team';
const WAIT = 60_000;
/** Loopback address of the only pod. */
const POD_IP = '127.83.0.1';

/** What the API server notes of each request. */
interface AuditEvent {
  verb: string;
  user: { username: string };
  requestURI: string;
  objectRef?: {
    apiGroup?: string;
    resource: string;
    subresource?: string;
    namespace?: string;
    name?: string;
  };
  responseStatus?: { code: number };
}

/** The modes in which the chart installs the operator, by the value of watchNamespaces. */
const MODES = [
  ['all namespaces', []],
  ['two namespaces', [AGENTS, 'other']],
] as const;

describe.each(MODES)(
  'an operator for %s with the permissions of the chart',
  (_, watchNamespaces) => {
    let server: ApiServer;
    let installation: ChartInstallation;
    let operator: TestOperator | undefined;
    let directory: string;
    let pods: PodServer | undefined;

    const audit = (): string => join(directory, 'audit.log');

    beforeAll(async () => {
      directory = await mkdtemp(join(tmpdir(), 'breakwater-permissions-'));
      const policy = join(directory, 'policy.yaml');
      await writeFile(
        policy,
        stringify({
          apiVersion: 'audit.k8s.io/v1',
          kind: 'Policy',
          omitStages: ['RequestReceived', 'ResponseStarted'],
          rules: [{ level: 'Metadata', users: [USER] }, { level: 'None' }],
        }),
      );
      server = await startApiServer([
        `--audit-policy-file=${policy}`,
        `--audit-log-path=${audit()}`,
        // This plugin requires a permission on the owner from each client that names one.
        '--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
      ]);
      const [scaledObjects] = await kedaDefinitions();
      for (const file of [...(await prometheusOperatorDefinitions()), scaledObjects!]) {
        const definition = parse(await readFile(file, 'utf8')) as KubernetesObject;
        const { name } = definition.metadata;
        const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}`;
        await server.apply(path, definition);
      }
      for (const name of [AGENTS, 'other'])
        await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
      const values = { watchNamespaces };
      installation = await installChart(server, 'breakwater-operator', NAMESPACE, values);
    }, START_TIMEOUT);

    afterAll(async () => {
      await operator?.stop();
      await pods?.stop();
      await installation?.remove();
      await server?.stop();
      await rm(directory, { recursive: true, force: true });
    });

    const path = (group: string, plural: string, name: string): string =>
      `/${group}/namespaces/${AGENTS}/${plural}/${name}`;
    const ours = (plural: string, name: string): string =>
      path('apis/breakwater.dev/v1alpha1', plural, name);

    const agent = (name: string, autoscaling: object = {}): object => ({
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'AgentDeployment',
      metadata: { name },
      spec: {
        model: {
          endpoints: [{ name: 'primary', model: 'some-model', apiKeySecretRef: { name: 'key' } }],
        },
        autoscaling,
      },
    });
    const IN_FLIGHT = {
      inFlight: { target: 50, prometheus: { serverAddress: 'http://prometheus:9090' } },
    };

    const current = (object: {
      metadata: { generation?: number };
      status?: { observedGeneration?: number };
    }): boolean => object.status?.observedGeneration === object.metadata.generation;

    /** All that is asked of the API server for an agent from its first day to its last. */
    async function live(): Promise<void> {
      await server.apply(ours('agentdeployments', 'one'), agent('one'));
      // Beside the other: an agent has a HorizontalPodAutoscaler or a ScaledObject.
      await server.apply(ours('agentdeployments', 'one-load'), agent('one-load', IN_FLIGHT));
      for (const [plural, kind] of [
        ['circuitbreakerpolicies', 'CircuitBreakerPolicy'],
        ['ratelimitpolicies', 'RateLimitPolicy'],
      ] as const) {
        await server.apply(ours(plural, 'one'), {
          apiVersion: 'breakwater.dev/v1alpha1',
          kind,
          metadata: { name: 'one' },
          spec: {
            targetRefs: [{ name: 'one' }],
            scope: 'Pod',
            ...(kind === 'RateLimitPolicy' && {
              limits: [{ name: 'all', refill: { amount: 1, per: '1s' }, capacity: 1 }],
            }),
          },
        });
        await server.until(ours(plural, 'one'), current);
      }
      await server.until<AgentDeployment>(ours('agentdeployments', 'one'), current);
      for (const namespace of watchNamespaces.slice(1)) {
        const far = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/agentdeployments/far`;
        await server.apply(far, agent('far'));
        await server.until<AgentDeployment>(far, current);
      }
      await linkToPod();
      await changeByOthers();
      await obstruct();
      await removeLeftovers();
      await server.request('DELETE', ours('agentdeployments', 'one'));
    }

    /** The token that a kubelet mounts into the pod. */
    async function tokenOf({ name, uid }: { name: string; uid: string }): Promise<string> {
      const boundObjectRef = { apiVersion: 'v1', kind: 'Pod', name, uid };
      const { status, body } = await server.request<{ status: { token: string } }>(
        'POST',
        `/api/v1/namespaces/${AGENTS}/serviceaccounts/one/token`,
        {
          body: {
            spec: { audiences: [CONTROL_AUDIENCE], expirationSeconds: 3600, boundObjectRef },
          },
        },
      );
      expect(status).toBe(201);
      return body.status.token;
    }

    /** Two pods, of which one is linked and busy. */
    async function linkToPod(): Promise<void> {
      const secret = await server.until<{ data: Record<string, string> }>(
        `/api/v1/namespaces/${NAMESPACE}/secrets/breakwater-authority`,
        () => true,
      );
      const authority = Buffer.from(secret.data['tls.crt']!, 'base64').toString();
      pods = await PodServer.start(authority, { port: PORTS.control, host: POD_IP });
      const labels = {
        'app.kubernetes.io/managed-by': 'breakwater',
        'breakwater.dev/agent': 'one',
      };
      const { ownerReferences } = await replicaSetOf(server, AGENTS, 'one');
      const ofAgent = { labels: await labelsOfPods(labels), ownerReferences };
      const make = (name: string): Promise<{ status: number; body: KubernetesObject }> =>
        server.request<KubernetesObject>('POST', `/api/v1/namespaces/${AGENTS}/pods`, {
          body: {
            metadata: { name, ...ofAgent },
            spec: {
              serviceAccountName: 'one',
              containers: [{ name: 'agent', image: 'runtime:1' }],
            },
          },
        });
      const pod = await make('one-1');
      expect(pod.status).toBe(201);
      // What it costs to delete a pod matters only beside another one.
      expect((await make('one-2')).status).toBe(201);
      await server.request('PATCH', `${path('api/v1', 'pods', 'one-1')}/status`, {
        contentType: 'application/merge-patch+json',
        body: { status: { podIP: POD_IP, podIPs: [{ ip: POD_IP }], phase: 'Running' } },
      });
      await waitFor('the operator does not dial the pod', WAIT, () =>
        Promise.resolve(pods!.linkTo(POD_IP) !== undefined),
      );
      const identity = target(1, {
        namespace: AGENTS,
        agent: 'one',
        name: 'one-1',
        uid: pod.body.metadata.uid!,
      });
      const first = { ...hello(identity), token: await tokenOf(identity) };
      pods.linkTo(POD_IP)!.say(first);
      const load = { inFlight: 1, queued: 0, capacity: 100, accepts: true, streams: 1 };
      pods.linkTo(POD_IP)!.say(snapshot(undefined, { load }));
      await server.until<KubernetesObject>(path('api/v1', 'pods', 'one-1'), ({ metadata }) =>
        Object.hasOwn(metadata.annotations ?? {}, DELETION_COST),
      );
    }

    /** The labels that the Deployment gives its pods. */
    async function labelsOfPods(fallback: Record<string, string>): Promise<Record<string, string>> {
      const { spec } = await server.until<{
        spec: { template: { metadata: { labels: Record<string, string> } } };
      }>(path('apis/apps/v1', 'deployments', 'one'));
      return { ...fallback, ...spec.template.metadata.labels };
    }

    /** Somebody deletes, or changes, what is the operator's. */
    async function changeByOthers(): Promise<void> {
      const service = path('api/v1', 'services', 'one');
      const { metadata } = await server.until<KubernetesObject>(service);
      await server.request('DELETE', service);
      await server.until<KubernetesObject>(service, (found) => found.metadata.uid !== metadata.uid);
    }

    /** Of each kind that agents have, somebody else has an object by the name that another agent's would have. */
    async function obstruct(): Promise<void> {
      const kinds = permissions('Agents')
        .filter(({ verbs }) => verbs.includes('get') && verbs.includes('patch'))
        .flatMap(({ apiGroups, resources }) =>
          resources.map((each) => [apiGroups[0]!, each] as const),
        );
      for (const [group, plural] of kinds) {
        const collection = await collectionOf(group, plural);
        const { items } = (await server.request<{ items: KubernetesObject[] }>('GET', collection))
          .body;
        for (const like of items.filter(({ metadata }) => metadata.name.startsWith('one'))) {
          const copy = leftover(like, '') as { metadata: object };
          const metadata = { name: like.metadata.name.replace('one', 'two') };
          const made = await server.request('POST', collection, { body: { ...copy, metadata } });
          expect([plural, made.status]).toEqual([plural, 201]);
        }
      }
      await server.apply(ours('agentdeployments', 'two'), agent('two'));
      await server.apply(ours('agentdeployments', 'two-load'), agent('two-load', IN_FLIGHT));
      for (const name of ['two', 'two-load']) {
        await server.until<AgentDeployment>(ours('agentdeployments', name), ({ status }) =>
          Boolean(status?.conditions?.some(({ reason }) => reason === 'NameTaken')),
        );
        await server.request('DELETE', ours('agentdeployments', name));
      }
    }

    /** Of each kind that can be removed, an object that the agent is not to have. */
    async function removeLeftovers(): Promise<void> {
      for (const name of ['one', 'one-load'])
        await server.until<AgentDeployment>(ours('agentdeployments', name), current);
      const removable = permissions('Agents')
        .filter(({ verbs }) => verbs.includes('delete'))
        .flatMap(({ apiGroups, resources }) =>
          resources.map((plural) => [apiGroups[0]!, plural] as const),
        );
      expect(removable.length).toBeGreaterThan(3);
      for (const [group, plural] of removable) {
        const collection = await collectionOf(group, plural);
        const { items } = (await server.request<{ items: KubernetesObject[] }>('GET', collection))
          .body;
        const like = items.find((item) => item.metadata.name.startsWith('one'));
        expect([plural, like?.metadata.name]).toEqual([plural, expect.stringMatching(/^one/)]);
        const left = leftover(like!, like!.metadata.ownerReferences![0]!.uid);
        const made = await server.request('POST', collection, { body: left });
        expect([plural, made.status, made.status === 201 ? '' : made.body]).toEqual([
          plural,
          201,
          '',
        ]);
        await server.untilGone(`${collection}/one-left`);
      }
    }

    /** A copy by another name, without what the server gave. */
    function leftover({ metadata, ...rest }: KubernetesObject, owner: string): object {
      const { labels, ownerReferences = [] } = metadata;
      const copy = structuredClone(rest) as { status?: unknown; spec?: Record<string, unknown> };
      delete copy.status;
      for (const field of ['clusterIP', 'clusterIPs']) delete copy.spec?.[field];
      const owners = ownerReferences.map((reference) => ({ ...reference, uid: owner }));
      return { ...copy, metadata: { name: 'one-left', labels, ownerReferences: owners } };
    }

    async function collectionOf(group: string, plural: string): Promise<string> {
      if (group === '') return `/api/v1/namespaces/${AGENTS}/${plural}`;
      const { body } = await server.request<{ preferredVersion: { groupVersion: string } }>(
        'GET',
        `/apis/${group}`,
      );
      return `/apis/${body.preferredVersion.groupVersion}/namespaces/${AGENTS}/${plural}`;
    }

    /** Events repeat within minutes, so one is made to by the operator's own recorder and credentials. */
    async function repeatEvent(): Promise<void> {
      const config = await loadClusterConfig({ env: {}, kubeconfig: installation.kubeconfig });
      const transport = new Transport({ config, registry: new Registry() });
      const client = new KubeClient(transport);
      const patch = jest.spyOn(client, 'mergePatch');
      const recorder = new EventRecorder({
        client,
        writeEveryMs: 0,
        reportingController: 'breakwater.dev/operator',
        reportingInstance: 'test',
        logger: pino({ level: 'silent' }),
      });
      const regarding = { apiVersion: 'v1', kind: 'Service', namespace: AGENTS, name: 'one' };
      const event = { type: 'Normal', reason: 'Tried', action: 'Try', note: 'tried' } as const;
      for (let count = 0; count < 2; count += 1) {
        recorder.record({ regarding, ...event });
      }
      await waitFor('the second Event is not written', 10_000, () =>
        Promise.resolve(patch.mock.results.length > 0),
      );
      await Promise.allSettled(patch.mock.results.map(({ value }) => value as Promise<unknown>));
      await transport.close();
    }

    async function events(): Promise<AuditEvent[]> {
      const text = await readFile(audit(), 'utf8');
      return text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditEvent)
        .filter(({ user }) => user.username === USER);
    }

    /** `group/resource verb`, as a rule grants it: an apply that creates needs both verbs. */
    function needed({ verb, objectRef, responseStatus }: AuditEvent): string[] {
      if (!objectRef) return [];
      const { apiGroup = '', resource, subresource } = objectRef;
      const what = [apiGroup, resource, ...(subresource ? [subresource] : [])].join('/');
      const creates = verb === 'patch' && responseStatus?.code === 201;
      return [`${what} ${verb}`, ...(creates ? [`${what} create`] : [])];
    }

    const granted = (): Set<string> =>
      new Set(
        (['Agents', 'Operator', 'Cluster'] satisfies Scope[]).flatMap((scope) =>
          permissions(scope).flatMap(({ apiGroups, resources, verbs }) =>
            resources.flatMap((resource) =>
              verbs.map((verb) => `${apiGroups[0]}/${resource} ${verb}`),
            ),
          ),
        ),
      );

    it('is refused nothing during the life of an agent, and uses every permission', async () => {
      operator = await startOperator(server, {
        discoveryIntervalMs: 1_000,
        rotation: { lifeMs: 20_000, spreadMs: 1_000, checkMs: 250 },
        cluster: await loadClusterConfig({ env: {}, kubeconfig: installation.kubeconfig }),
        settings: installation.settings,
      });
      await live();
      await repeatEvent();
      for (const late of ['authentication.k8s.io/tokenreviews create', '/secrets update'])
        await waitFor(`there is no ${late}`, WAIT, async () =>
          (await events()).flatMap(needed).includes(late),
        );
      await operator.stop();
      operator = undefined;

      const seen = await events();
      const refused = seen.filter(({ responseStatus }) => responseStatus?.code === 403);
      expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).toEqual([]);

      const used = new Set(seen.flatMap(needed));
      // An API server that cannot begin a watch with all there is has to be asked for lists.
      for (const permission of [...used])
        if (permission.endsWith(' watch')) used.add(permission.replace(/watch$/, 'list'));
      // Asked for by the admission plugin, not by a request.
      used.add('breakwater.dev/agentdeployments/finalizers update');
      expect([...granted()].filter((permission) => !used.has(permission))).toEqual([]);
    }, 180_000);
  },
);
