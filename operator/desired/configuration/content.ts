import { canonicalHash } from '../../../contract/canonical.ts';
import type { Content, Endpoint } from '../../../contract/generated/types.ts';
import { MAX_CONFIGURATION_BYTES } from '../../../contract/link.ts';
import { REQUEST_LIMITS } from '../../../crds/deprecated.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { AgentAttachment } from '../policies/attachment.ts';
import { resolveAuth } from './auth.ts';
import { addressOf, resolveBetas } from './address.ts';
import { authentication, sendsBearer } from './authentication.ts';
import { resolveCache } from './cache.ts';
import { resolveCircuit } from '../policies/circuit.ts';
import { resolveConversation, resolveRedis } from './conversation.ts';
import { knownDependencies } from '../common/dependencies.ts';
import { checkOrder, parseDuration, parsePositiveDuration } from '../common/duration.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { requires, type Feature } from '../common/features.ts';
import { TRANSPORT_IDLE_MS } from './constants.ts';
import { resolveNetwork } from './network.ts';
import { podsWithKey, resolveLimits } from '../policies/limits.ts';
import { resolveEgress, resolveMcpServers, resolveTools } from './tools.ts';
import { resolveAudit } from './audit.ts';
import { resolveSecurity } from './security.ts';
import { resolveHealthChecks } from './healthChecks.ts';
import { resolveProgram } from './program.ts';
import { resolveTelemetry } from './telemetry.ts';
import type { TracingDefaults } from './telemetry.ts';
import { byText } from '../common/wording.ts';

type Spec = AgentDeployment['spec'];

/** Time for which an unready pod still accepts new requests, in ms. */
const ENDPOINT_LAG_MS = 5000;

/** Room for the revision and the hash that go with the content. */
const ENVELOPE_BYTES = 512;

/** Defaults of spec.retry.maxRetryAfter and maxProviderWait. */
const MAX_RETRY_AFTER = '5s';
const MAX_PROVIDER_WAIT = '5m';

/**
 * The configuration of the agent's pods. Equal specs result in the same order of its elements.
 *
 * @throws InvalidSpecError for a value that the schema should have refused, and for a configuration that is too large
 */
export function resolveContent(
  agent: AgentDeployment,
  attachment: Pick<AgentAttachment, 'circuits' | 'limits'>,
  tracing?: TracingDefaults,
): Content {
  const { metadata, spec } = agent;
  const timeouts = timeoutsOf(spec.timeouts);
  const content: Content = {
    agent: { namespace: metadata.namespace!, name: metadata.name, uid: metadata.uid! },
    // In the order of priority, so that a runtime without pools uses the preferred endpoint, which is the first.
    endpoints: spec.model.endpoints
      .toSorted((a, b) => a.priority - b.priority)
      .map((each) => endpoint(each, spec.proxy !== undefined)),
    ...(spec.routes !== undefined && { routes: spec.routes }),
    loadBalancing: spec.model.loadBalancing,
    affinity: affinity(spec.model.affinity),
    timeouts,
    shutdown: resolveShutdown(spec),
    retry: retry(spec.retry),
    maxRetryAfterMs: parsePositiveDuration(
      spec.retry.maxRetryAfter ?? text(spec.clientPatience) ?? MAX_RETRY_AFTER,
      'spec.retry.maxRetryAfter',
    ),
    gates: {
      maxProviderWaitMs: parsePositiveDuration(
        spec.retry.maxProviderWait ?? text(spec.gates?.maxWait) ?? MAX_PROVIDER_WAIT,
        'spec.retry.maxProviderWait',
      ),
    },
    providerLimits: { maxPods: podsWithKey(spec) },
    bulkhead: bulkhead(spec.bulkhead),
    whenFull: spec.bulkhead.whenFull,
    requestLimits: requestLimits(spec.requestLimits ?? { ...REQUEST_LIMITS, ...spec.limits }),
    ...resolveAuth(spec),
    ...resolveAudit(spec),
    ...resolveNetwork(spec),
    ...resolveCache(spec),
    conversation: resolveConversation(agent),
    ...resolveRedis(spec),
    ...resolveTools(spec),
    ...resolveMcpServers(spec),
    ...resolveHealthChecks(spec),
    ...resolveProgram(spec),
    ...resolveEgress(spec),
    ...resolveSecurity(spec),
    ...resolveTelemetry(spec, tracing),
    circuits: knownDependencies(agent, attachment).map((dependency) =>
      resolveCircuit(dependency, attachment.circuits.get(dependency), timeouts.firstTokenMs),
    ),
    limits: [...attachment.limits]
      .sort(([a], [b]) => byText(a, b))
      .flatMap(([target, policy]) => resolveLimits(target, policy, spec)),
  };
  checkSize(content);
  return content;
}

/** Hash of the content, as in Configuration. */
export function hashContent(content: Content): string {
  return canonicalHash(content);
}

/** Default of spec.shutdown.programTimeout. */
const PROGRAM_TIMEOUT = '30s';

/** The times of a pod's shutdown, in ms. Its grace period covers them. */
export function resolveShutdown({
  shutdown: { drainTimeout, handlerTimeout, programTimeout = PROGRAM_TIMEOUT },
  program,
}: Pick<Spec, 'shutdown'> & { program?: object | undefined }): Content['shutdown'] {
  return {
    endpointLagMs: ENDPOINT_LAG_MS,
    drainTimeoutMs: parseDuration(drainTimeout, 'spec.shutdown.drainTimeout'),
    handlerTimeoutMs: parseDuration(handlerTimeout, 'spec.shutdown.handlerTimeout'),
    ...(program && {
      programTimeoutMs: parseDuration(programTimeout, 'spec.shutdown.programTimeout'),
    }),
  };
}

type Timeouts = Content['timeouts'] & { firstTokenMs: number };

type EndpointSpec = Spec['model']['endpoints'][number];

function endpoint(spec: EndpointSpec, proxied: boolean): Endpoint {
  const { name, provider, model, models, region, project, workspace, priority, weight } = spec;
  const { maxConcurrent, maxTokens, contextTokens } = spec;
  return {
    name,
    provider,
    ...(model === undefined ? {} : { model }),
    ...(models === undefined ? {} : { models }),
    ...resolveBetas(spec),
    baseURL: addressOf(spec),
    ...(region === undefined ? {} : { region }),
    ...(project === undefined ? {} : { project }),
    ...(workspace === undefined ? {} : { workspace }),
    ...authentication(spec),
    ...(maxConcurrent === undefined ? {} : { maxConcurrent }),
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(contextTokens === undefined ? {} : { contextTokens }),
    priority,
    weight,
    requires: endpointFeatures(spec, proxied),
  };
}

function endpointFeatures(spec: EndpointSpec, proxied: boolean): Feature[] {
  const { provider, models, headersFrom = [], tls } = spec;
  return requires(
    `Endpoint.${provider}`,
    models !== undefined && 'Endpoint.Models',
    resolveBetas(spec).betas !== undefined && 'Endpoint.Betas',
    sendsBearer(spec) && 'Endpoint.Bearer',
    headersFrom.length > 0 && 'Endpoint.HeadersFrom',
    tls !== undefined && 'Endpoint.ClientCertificate',
    spec.identity !== undefined && 'Endpoint.Identity',
    proxied && 'Network.Proxy',
  );
}

function affinity({ mode, header }: Spec['model']['affinity']): Content['affinity'] {
  return { mode, ...(header !== undefined && { header: header.toLowerCase() }) };
}

function timeoutsOf(spec: Spec['timeouts']): Timeouts {
  const ms = (field: Exclude<keyof typeof spec, 'attempt' | 'transportIdle'>): number =>
    parsePositiveDuration(spec[field], `spec.timeouts.${field}`);
  const { attempt } = spec;
  return {
    connectMs: ms('connect'),
    requestMs: ms('request'),
    ...(attempt !== undefined && {
      attemptMs: parsePositiveDuration(attempt, 'spec.timeouts.attempt'),
    }),
    firstTokenMs: ms('firstToken'),
    streamMs: ms('stream'),
    streamIdleMs: ms('streamIdle'),
    transportIdleMs: TRANSPORT_IDLE_MS,
    toolMs: ms('tool'),
  };
}

function retry(spec: Spec['retry']): NonNullable<Content['retry']> {
  const baseDelayMs = parsePositiveDuration(spec.baseDelay, 'spec.retry.baseDelay');
  const maxDelayMs = parsePositiveDuration(spec.maxDelay, 'spec.retry.maxDelay');
  checkOrder(['spec.retry.baseDelay', spec.baseDelay], ['spec.retry.maxDelay', spec.maxDelay]);
  return {
    maxAttempts: spec.maxAttempts,
    baseDelayMs,
    maxDelayMs,
    budgetPercent: spec.budgetPercent,
    minPerSecond: spec.minPerSecond,
  };
}

function bulkhead(spec: Spec['bulkhead']): NonNullable<Content['bulkhead']> {
  return {
    maxConcurrent: spec.maxConcurrent,
    maxQueued: spec.maxQueued,
    acquireTimeoutMs: parsePositiveDuration(spec.acquireTimeout, 'spec.bulkhead.acquireTimeout'),
  };
}

/** A field of a version whose definition bounded it to text. */
const text = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

function requestLimits({
  bodyIdleTimeout,
  ...figures
}: NonNullable<Spec['requestLimits']>): Content['requestLimits'] {
  return {
    ...figures,
    bodyIdleTimeoutMs: parsePositiveDuration(bodyIdleTimeout, 'spec.requestLimits.bodyIdleTimeout'),
  };
}

function checkSize(content: Content): void {
  const size = Buffer.byteLength(JSON.stringify(content)) + ENVELOPE_BYTES;
  if (size < MAX_CONFIGURATION_BYTES) return;
  throw new InvalidSpecError(
    'ConfigurationTooLarge',
    `The configuration has ${Math.ceil(size / 1024)} KiB and must stay below ${MAX_CONFIGURATION_BYTES / 1024} KiB; ` +
      'shorten the spec, or split the agent or its policies. Pods keep the configuration that they have.',
  );
}
