import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { redisOf } from '../common/redis.ts';
import { byText } from '../common/wording.ts';
import { audienceOf } from '../configuration/identity.ts';
import { networkSecrets } from '../configuration/network.ts';
import type { HeadersFrom, SecretKeyRef } from '../configuration/secretHeaders.ts';

type Spec = AgentDeployment['spec'];
type ProgramSpec = NonNullable<Spec['program']>;

/** The part of a program that its container has. */
export interface ProgramChoices extends Pick<ProgramSpec, 'image' | 'port' | 'env' | 'resources'> {
  /** Address of the collector for its traces. */
  collector?: string;
}

/**
 * The parts of a spec that determine the pod template. Its builders get nothing else, so only edits of these fields cause a
 * rollout.
 */
export interface PodChoices extends Pick<
  Spec,
  'image' | 'imagePullPolicy' | 'runtimeUpgrade' | 'probes' | 'shutdown' | 'podTemplate'
> {
  /** Endpoints with an API key. */
  apiKeys: { endpoint: string; secret: SecretKeyRef }[];
  /** Secrets of headers, of Redis' password, of the scrapers' token, of proxies and of client certificates. */
  secrets: SecretKeyRef[];
  /** Audiences of tokens that clouds want. */
  audiences?: string[];
  systemPrompt?: NonNullable<Spec['systemPromptFrom']>['configMapKeyRef'];
  trustedCA?: NonNullable<Spec['trustedCA']>['configMapKeyRef'];
  /** Volume of the audit's files. Default: none. */
  auditVolume?: { claimName?: string };
  /** The Secret with the API keys of the agent's clients. */
  clients?: NonNullable<Spec['auth']['apiKeys']>['secretRef'];
  program?: ProgramChoices;
}

export function podChoices({ spec }: AgentDeployment): PodChoices {
  const { image, imagePullPolicy, runtimeUpgrade, probes, podTemplate } = spec;
  const { programTimeout: _, ...ofRuntime } = spec.shutdown;
  const shutdown = spec.program ? spec.shutdown : ofRuntime;
  const { endpoints } = spec.model;
  const headers = [...endpoints, ...headerSources(spec)].flatMap(({ headersFrom = [] }) =>
    headersFrom.map(({ secretKeyRef }) => secretKeyRef),
  );
  const password = redisOf(spec)?.passwordSecretRef;
  const scraper = spec.monitoring.auth?.tokenSecretRef;
  return {
    ...{ image, imagePullPolicy, runtimeUpgrade, probes, shutdown, podTemplate },
    apiKeys: endpoints.flatMap(({ name, apiKeySecretRef: secret }) =>
      secret === undefined ? [] : [{ endpoint: name, secret }],
    ),
    secrets: [
      ...headers,
      ...[password, scraper].filter((each) => each !== undefined),
      ...networkSecrets(spec),
    ],
    ...audiences(spec),
    systemPrompt: spec.systemPromptFrom?.configMapKeyRef,
    ...(spec.trustedCA && { trustedCA: spec.trustedCA.configMapKeyRef }),
    clients: spec.auth.apiKeys?.secretRef,
    ...auditVolume(spec.audit),
    ...programOf(spec),
  };
}

function programOf({ program, telemetry }: Spec): Pick<PodChoices, 'program'> {
  if (program === undefined) return {};
  const { image, port, env, resources } = program;
  const collector = telemetry.tracing?.endpoint;
  return {
    program: {
      image,
      port,
      ...(env && { env }),
      resources,
      ...(collector !== undefined && { collector }),
    },
  };
}

function audiences({ model }: Spec): Pick<PodChoices, 'audiences'> {
  const wanted = model.endpoints.flatMap(
    ({ identity }) => (identity && audienceOf(identity)) ?? [],
  );
  return wanted.length === 0 ? {} : { audiences: [...new Set(wanted)].sort(byText) };
}

function auditVolume(audit: Spec['audit']): Pick<PodChoices, 'auditVolume'> {
  return audit?.file ? { auditVolume: { ...audit.file.persistentVolumeClaim } } : {};
}

/** All parts of a spec with headers from Secrets. */
function headerSources({
  tools = [],
  mcpServers = [],
  telemetry,
  audit,
}: Spec): { headersFrom?: HeadersFrom }[] {
  const { tracing = {} } = telemetry;
  const { otlp = {} } = audit ?? {};
  return [...tools.map(({ http }) => http), ...mcpServers, tracing, otlp];
}
