import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { redisOf } from '../common/redis.ts';
import { networkSecrets } from '../configuration/network.ts';
import type { HeadersFrom, SecretKeyRef } from '../configuration/secretHeaders.ts';

type Spec = AgentDeployment['spec'];

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
  systemPrompt?: NonNullable<Spec['systemPromptFrom']>['configMapKeyRef'];
  trustedCA?: NonNullable<Spec['trustedCA']>['configMapKeyRef'];
  /** Volume of the audit's files. Default: none. */
  auditVolume?: { claimName?: string };
  /** The Secret with the API keys of the agent's clients. */
  clients?: NonNullable<Spec['auth']['apiKeys']>['secretRef'];
}

export function podChoices({ spec }: AgentDeployment): PodChoices {
  const { image, imagePullPolicy, runtimeUpgrade, probes, shutdown, podTemplate } = spec;
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
    systemPrompt: spec.systemPromptFrom?.configMapKeyRef,
    ...(spec.trustedCA && { trustedCA: spec.trustedCA.configMapKeyRef }),
    clients: spec.auth.apiKeys?.secretRef,
    ...auditVolume(spec.audit),
  };
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
