import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { documentedBlocks } from '../kit/documents.ts';
import { startApiServer, START_TIMEOUT, type ApiServer, type Status } from './apiserver.ts';

interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: Record<string, unknown>;
  spec?: Record<string, unknown>;
}

/** API paths of the kinds with whole manifests in the documents. */
const PATHS: Readonly<Record<string, string>> = {
  AgentDeployment: 'apis/breakwater.dev/v1alpha1/namespaces/NAMESPACE/agentdeployments',
  CircuitBreakerPolicy: 'apis/breakwater.dev/v1alpha1/namespaces/NAMESPACE/circuitbreakerpolicies',
  RateLimitPolicy: 'apis/breakwater.dev/v1alpha1/namespaces/NAMESPACE/ratelimitpolicies',
  ConfigMap: 'api/v1/namespaces/NAMESPACE/configmaps',
  Secret: 'api/v1/namespaces/NAMESPACE/secrets',
  HorizontalPodAutoscaler: 'apis/autoscaling/v2/namespaces/NAMESPACE/horizontalpodautoscalers',
};

/** Kinds of other projects. The API server lacks their definitions. */
const ELSEWHERE = new Set(['Kustomization', 'Application', 'ScrapeConfig', 'ScaledObject']);

/** Required fields that a fragment of a spec omits. */
const REST: Readonly<Record<string, Record<string, unknown>>> = {
  AgentDeployment: { model: { endpoints: [{ name: 'primary', model: 'claude-sonnet-5-5' }] } },
  CircuitBreakerPolicy: { targetRefs: [{ name: 'triage' }], scope: 'Pod' },
  RateLimitPolicy: {
    targetRefs: [{ name: 'triage' }],
    limits: [{ name: 'requests', refill: { amount: 1, per: '1s' }, capacity: 1 }],
    scope: 'Pod',
  },
};

const documented = documentedBlocks()
  .filter(({ language }) => language === 'yaml')
  .flatMap(({ at, text }) =>
    parseAllDocuments(text).map((document) => ({
      at,
      errors: document.errors.map(({ message }) => message),
      manifest: document.toJS() as Manifest,
    })),
  );

const whole = documented.filter(({ manifest }) => manifest?.kind !== undefined);
const fragments = documented.filter(
  ({ manifest }) => manifest?.kind === undefined && manifest?.spec !== undefined,
);

let server: ApiServer;
let namespace: string;

beforeAll(async () => {
  server = await startApiServer();
  namespace = await server.namespace('documents');
}, START_TIMEOUT);

afterAll(() => server.stop());

/** Message of the API server for a manifest; undefined if it accepts all fields. */
async function refusal(kind: string, manifest: Manifest): Promise<string | undefined> {
  const name = { name: 'documented', ...manifest.metadata, namespace };
  const { status, body } = await server.request<Status>(
    'POST',
    `/${PATHS[kind]!.replace('NAMESPACE', namespace)}`,
    {
      query: { dryRun: 'All', fieldValidation: 'Strict' },
      body: { ...manifest, metadata: name },
    },
  );
  return status < 300 ? undefined : body.message;
}

describe('the documents', () => {
  it('contain more than 20 manifests and more than 20 fragments of a spec', () => {
    expect(whole.length).toBeGreaterThan(20);
    expect(fragments.length).toBeGreaterThan(20);
  });

  it('contain only valid YAML', () => {
    expect(documented.filter(({ errors }) => errors.length > 0)).toEqual([]);
  });

  it.each(whole.filter(({ manifest }) => !ELSEWHERE.has(manifest.kind!)))(
    'have a manifest at $at that the API server accepts',
    async ({ manifest }) => {
      expect(Object.keys(PATHS)).toContain(manifest.kind);
      expect(await refusal(manifest.kind!, manifest)).toBeUndefined();
    },
  );

  it.each(fragments)('have a fragment at $at that fits one of our kinds', async ({ manifest }) => {
    const refusals = await Promise.all(
      Object.entries(REST).map(([kind, rest]) =>
        refusal(kind, {
          apiVersion: 'breakwater.dev/v1alpha1',
          kind,
          spec: { ...rest, ...manifest.spec },
        }),
      ),
    );
    expect(refusals).toContain(undefined);
  });

  it('are checked for unknown fields', async () => {
    const { manifest } = whole.find((each) => each.manifest.kind === 'AgentDeployment')!;
    const wrong = { ...manifest, spec: { ...manifest.spec, modle: {} } };
    expect(await refusal('AgentDeployment', wrong)).toContain('unknown field "spec.modle"');
  });
});
