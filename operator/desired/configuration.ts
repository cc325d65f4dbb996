import type { Circuit, Content, Endpoint, Limit } from '../../contract/generated/types.ts';
import type { FEATURES } from '../../contract/link.ts';
import { MAX_CONFIGURATION_BYTES, MOUNTS } from '../../contract/link.ts';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { AgentAttachment } from './attachment.ts';
import { canonicalHash, canonicalJson } from './canonical.ts';
import { dependenciesOf } from './dependencies.ts';
import { parseDuration, parsePositiveDuration } from './duration.ts';
import { InvalidSpecError } from './errors.ts';
import { byText } from './wording.ts';

/** Time between a pod being unready and taking no new work. */
export const ENDPOINT_LAG_MS = 5000;

/** Room for the revision and the hash that go with the content. */
const ENVELOPE_BYTES = 512;

const BASE_URLS = { Anthropic: 'https://api.anthropic.com' } as const;

/** What a circuit without a policy does. */
const DEFAULT_CIRCUIT = {
  trip: { consecutiveFailures: 5 },
  openDurationMs: 60_000,
  maxOpenDurationMs: 600_000,
  halfOpen: { maxProbes: 1, successThreshold: 2 },
} as const;

type Feature = (typeof FEATURES)[number];

/**
 * The configuration that the agent's pods are to run. Its order depends on nothing but the spec and names. Throws
 * an InvalidSpecError for what the schema should have refused, and when it is too large to be passed on.
 */
export function resolveContent(
  agent: AgentDeployment,
  attachment: Pick<AgentAttachment, 'circuits' | 'limits'>,
): Content {
  const { metadata, spec } = agent;
  const content: Content = {
    agent: { namespace: metadata.namespace!, name: metadata.name, uid: metadata.uid! },
    endpoints: spec.model.endpoints.map(endpoint),
    timeouts: {
      connectMs: parsePositiveDuration(spec.timeouts.connect, 'spec.timeouts.connect'),
      requestMs: parsePositiveDuration(spec.timeouts.request, 'spec.timeouts.request'),
    },
    shutdown: {
      endpointLagMs: ENDPOINT_LAG_MS,
      drainTimeoutMs: drainTimeout(agent),
    },
    circuits: dependenciesOf(agent).map((dependency) =>
      circuit(dependency, attachment.circuits.get(dependency)),
    ),
    limits: [...attachment.limits]
      .sort(([a], [b]) => byText(a, b))
      .flatMap(([target, policy]) => limits(target, policy)),
  };
  checkSize(content);
  return content;
}

/** Hash of the content, as in Configuration. */
export function hashContent(content: Content): string {
  return canonicalHash(content);
}

/** Time for open requests to finish, in ms. */
export function drainTimeout({ spec }: AgentDeployment): number {
  return parseDuration(spec.shutdown.drainTimeout, 'spec.shutdown.drainTimeout');
}

type EndpointSpec = AgentDeployment['spec']['model']['endpoints'][number];

/** Directory in the pod where the endpoint's credential is mounted. */
export function credentialDirectory(endpoint: Pick<EndpointSpec, 'name'>): string {
  return `${MOUNTS.credentials}/${endpoint.name}`;
}

function endpoint(spec: EndpointSpec): Endpoint {
  const { name, provider, model, baseURL, apiKeySecretRef: secret } = spec;
  return {
    name,
    provider,
    ...(model === undefined ? {} : { model }),
    baseURL: baseURL ?? BASE_URLS[provider],
    ...(secret === undefined
      ? {}
      : {
          credential: {
            path: `${credentialDirectory(spec)}/${secret.key}`,
            secret: secret.name,
            key: secret.key,
          },
        }),
    requires: requires(`Endpoint.${provider}`),
  };
}

function circuit(dependency: string, policy: CircuitBreakerPolicy | undefined): Circuit {
  if (policy === undefined) {
    return { dependency, ...DEFAULT_CIRCUIT, requires: requires('Circuit.ConsecutiveFailures') };
  }
  const { trip, openDuration, maxOpenDuration, halfOpen } = policy.spec;
  return {
    dependency,
    policy: policy.metadata.name,
    trip:
      trip.consecutiveFailures === undefined
        ? {}
        : { consecutiveFailures: trip.consecutiveFailures },
    openDurationMs: parsePositiveDuration(openDuration, 'spec.openDuration'),
    maxOpenDurationMs: parsePositiveDuration(maxOpenDuration, 'spec.maxOpenDuration'),
    halfOpen: { maxProbes: halfOpen.maxProbes, successThreshold: halfOpen.successThreshold },
    requires: trip.consecutiveFailures === undefined ? [] : requires('Circuit.ConsecutiveFailures'),
  };
}

function limits(target: string, policy: RateLimitPolicy): Limit[] {
  return policy.spec.limits.map(({ name, resource, refill, capacity }) => ({
    target,
    policy: policy.metadata.name,
    name,
    resource,
    refill: {
      amount: refill.amount,
      perMs: parsePositiveDuration(refill.per, `refill.per of limit ${name}`),
    },
    capacity,
    requires: requires(`Limit.${resource}`),
  }));
}

function requires(feature: Feature): Feature[] {
  return [feature];
}

function checkSize(content: Content): void {
  const size = Buffer.byteLength(canonicalJson(content)) + ENVELOPE_BYTES;
  if (size < MAX_CONFIGURATION_BYTES) return;
  throw new InvalidSpecError(
    'ConfigurationTooLarge',
    `The configuration has ${Math.ceil(size / 1024)} KiB and must stay below ${MAX_CONFIGURATION_BYTES / 1024} KiB; ` +
      'shorten the spec, or split the agent or its policies. Pods keep the configuration that they have.',
  );
}
