import { AUTH } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { networkSecrets } from '../desired/configuration/network.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';
import type { Problem } from '../desired/common/errors.ts';
import { redisOf } from '../desired/common/redis.ts';
import { list } from '../desired/common/wording.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation, ApplyError, Contest, PodObservation } from './observations.ts';
import { refusalOf } from './programmed.ts';
import { reportedText } from './reported.ts';

const MAX_TEXT = 512;

/** Reason of an agent's condition Degraded and a policy's condition Contested. */
export const CONTESTED = 'ObjectContested';
/** Fields that a message names. */
const MAX_FIELDS = 3;

/** The consequence if an object without which pods must not run could not be applied. */
const CONSEQUENCE: Readonly<Record<string, string>> = {
  ServiceAccount: ' No pod of the agent runs under an account that is not its own.',
  NetworkPolicy: ' The Deployment stays as it is until then.',
};

/**
 * All that keeps the agent from working as in its spec, except unready pods. The gravest comes first. Each message says
 * what to do.
 */
export function impediments(
  agent: AgentDeployment,
  problems: readonly Problem[],
  observation: AgentObservation,
): Problem[] {
  return [
    ...problems,
    ...observation.applyErrors.map((error) => applyProblem(agent, error)),
    ...refusals(observation),
    ...unsupported(observation),
    ...missingSecrets(agent, observation),
    ...missingPrompt(agent, observation),
    ...missingAuthorities(agent, observation),
    ...missingCallers(agent, observation),
    ...identityProblems(agent, observation, false),
  ];
}

/** Objects that another writer changes or deletes again and again. The agent may work all the same. */
export function contested({ contests = [] }: AgentObservation): Problem[] {
  const deleted = contests.filter(({ fields }) => fields.length === 0);
  const changed = contests.filter(({ fields }) => fields.length > 0);
  const messages = [
    ...(deleted.length > 0 ? [deletedMessage(deleted)] : []),
    ...(changed.length > 0 ? [changedMessage(changed)] : []),
  ];
  return messages.map((message) => ({ reason: CONTESTED, message }));
}

/** The condition of a policy whose status another writer contests. */
export function contestedCondition(contest: Contest | undefined): ConditionDraft[] {
  if (!contest) return [];
  const message = changedMessage([contest]);
  return [{ type: 'Contested', status: 'True', reason: CONTESTED, message }];
}

function deletedMessage(contests: readonly Contest[]): string {
  const objects = list(contests.map(({ kind, name }) => `${kind} ${name}`));
  const [are, them] = contests.length === 1 ? ['is', 'it'] : ['are', 'them'];
  return `${objects} ${are} deleted again and again, and the operator recreates ${them} less and less often. The API server's audit log tells who deletes ${them}. Stop that, or delete the AgentDeployment.`;
}

/** One text for all objects: two installations that write the same agent contest each of its objects. */
function changedMessage(contests: readonly Contest[]): string {
  const objects = contests.map(
    ({ kind, name, fields }) => `${list(fields, MAX_FIELDS)} of ${kind} ${name}`,
  );
  const back = contests.length === 1 ? 'the object' : 'the objects';
  const change = `${list(objects)} again and again, and the operator puts ${back} back less and less often.`;
  const { kind, name } = contests[0]!;
  const find = `"kubectl get ${kind} ${name} -o yaml --show-managed-fields" shows who it is.`;
  const installations =
    'give each installation of Breakwater its own agents and policies by the values watchNamespaces or watchSelector of the chart.';
  return contests.some(({ fields }) => fields.includes('.status'))
    ? `Another writer changes ${change} ${find} Stop it, or ${installations}`
    : `Another writer changes ${change} ${find} Stop it, set what it wants in the spec of the AgentDeployment, or ${installations}`;
}

function applyProblem(agent: AgentDeployment, error: ApplyError): Problem {
  const { kind, name, reason, message, deleting } = error;
  if (deleting) {
    return {
      reason: 'ApplyFailed',
      message: `${kind} ${name} is no longer wanted and could not be deleted (${reason}): ${sentence(message)}`,
    };
  }
  if (kind === 'Deployment' && reason === 'Invalid' && agent.spec.podTemplate !== undefined) {
    return {
      reason: 'InvalidPodTemplate',
      message: `The API server refuses the Deployment made with spec.podTemplate: ${sentence(message)}`,
    };
  }
  return {
    reason: reason === 'AlreadyExists' ? 'NameTaken' : 'ApplyFailed',
    message: `${kind} ${name} could not be applied (${reason}): ${sentence(message)}${CONSEQUENCE[kind] ?? ''}`,
  };
}

/** What the API server said, with an end, as other sentences follow. */
function sentence(message: string): string {
  const text = reportedText(message, 1024);
  return /[.…]$/.test(text) ? text : `${text}.`;
}

function refusals(observation: AgentObservation): Problem[] {
  const refused = livePods(observation).flatMap((pod) => {
    const message = refusalOf(pod, observation.desiredHash);
    return message === undefined ? [] : [{ pod: pod.name, message }];
  });
  return [...Map.groupBy(refused, ({ message }) => message)].map(([message, pods]) => ({
    reason: 'ConfigurationRefused',
    message: `The configuration was refused by ${list(pods.map(({ pod }) => pod))}: ${message}. The last good one stays in force there; correct the spec or its policies.`,
  }));
}

/**
 * Parts of the agent's own spec that an old runtime does not support, such as an endpoint of an unknown provider. Parts of
 * policies are in the status of those.
 */
function unsupported(observation: AgentObservation): Problem[] {
  const features = connected(observation).flatMap(({ name, hash, snapshot }) =>
    hash !== observation.desiredHash
      ? []
      : snapshot.configuration.unsupported
          .filter(({ policy }) => policy === undefined)
          .map(({ feature }) => ({ pod: name, feature: reportedText(feature, MAX_TEXT) })),
  );
  return [...Map.groupBy(features, ({ feature }) => feature)].map(([feature, pods]) => ({
    reason: 'UnsupportedByRuntime',
    message: `The runtime of ${list([...new Set(pods.map(({ pod }) => pod))])} is too old for ${feature} and leaves it out; roll out a newer image.`,
  }));
}

/** Identities whose credentials cannot be renewed, and are valid still. */
export function failingIdentities(
  agent: AgentDeployment,
  observation: AgentObservation,
): Problem[] {
  return identityProblems(agent, observation, true);
}

/** Identities that a cloud gives no credentials. */
function identityProblems(
  { spec }: AgentDeployment,
  observation: AgentObservation,
  serves: boolean,
): Problem[] {
  const pods = connected(observation);
  return spec.model.endpoints.flatMap(({ name, identity }) => {
    const dependency = `model/${name}`;
    const troubles = pods.flatMap((pod) => {
      if (!identity || lacksMounts(pod)) return [];
      const found = pod.snapshot.identities?.find((each) => each.dependency === dependency);
      return found?.serves === serves ? [reportedText(found.problem, MAX_IDENTITY_TEXT)] : [];
    });
    const [text] = troubles;
    if (text === undefined) return [];
    const what = serves
      ? 'cannot be renewed, and expire soon'
      : 'are missing: the endpoint is passed over';
    const share = `${troubles.length}/${pods.length} connected pods`;
    const message = `In ${share} the credentials of the identity of ${dependency} ${what}. ${text}`;
    return [{ reason: 'IdentityUnavailable', message }];
  });
}

/** Longest reason of a pod, in characters. */
const MAX_IDENTITY_TEXT = 1024;

/** Missing Secrets or keys. Only names in the spec count, because pods are not trusted. */
function missingSecrets(agent: AgentDeployment, observation: AgentObservation): Problem[] {
  const { namespace } = agent.metadata;
  const pods = connected(observation);
  return secretRefs(agent).flatMap(({ use, name, key, create = generic }) => {
    const lacking = pods.filter(
      (pod) =>
        !lacksMounts(pod) &&
        pod.snapshot.missingCredentials.some((each) => each.secret === name && each.key === key),
    );
    if (lacking.length === 0) return [];
    return {
      reason: 'SecretNotFound',
      message:
        `Key ${key} of Secret ${name}, ${use}, is missing in ${lacking.length}/${pods.length} connected pods. ` +
        `Create it, such as with kubectl create secret ${create(`${name} --namespace ${namespace}`, key)}; ` +
        'pods see it within 2 minutes, without a restart.',
    };
  });
}

type Create = (secret: string, key: string) => string;

/** Arguments of `kubectl create secret` for each type of Secret. */
const generic: Create = (secret, key) => `generic ${secret} --from-file=${key}=FILE`;
const basicAuth: Create = (secret) =>
  `generic ${secret} --type=kubernetes.io/basic-auth --from-file=username=FILE --from-file=password=FILE`;
const tls: Create = (secret) => `tls ${secret} --cert=FILE --key=FILE`;

/** The Secret with the API keys of clients, if it is missing or empty in some pods. */
function missingCallers(
  { metadata, spec }: AgentDeployment,
  observation: AgentObservation,
): Problem[] {
  const name = spec.auth.apiKeys?.secretRef.name;
  const pods = connected(observation);
  const lacking = pods.filter(
    (pod) =>
      !lacksMounts(pod) &&
      pod.snapshot.missingCredentials.some(
        ({ dependency, secret }) => dependency === AUTH && secret === name,
      ),
  );
  if (name === undefined || lacking.length === 0) return [];
  return [
    {
      reason: 'SecretNotFound',
      message:
        `Secret ${name}, the API keys of clients, is missing or has none in ${lacking.length}/${pods.length} connected pods, which refuse all clients. ` +
        `Create it, such as with kubectl create secret generic ${name} --namespace ${metadata.namespace} --from-file=CLIENT=FILE; ` +
        'pods see it within 2 minutes, without a restart.',
    },
  ];
}

interface SecretUse {
  use: string;
  name: string;
  key: string;
  create?: Create;
}

/** The keys of Secrets in the spec, with their purpose. */
function secretRefs({ spec }: AgentDeployment): SecretUse[] {
  const keys = spec.model.endpoints.flatMap(({ name, apiKeySecretRef: ref }) =>
    ref === undefined ? [] : [{ use: `the API key of model/${name}`, ...ref }],
  );
  const users = [
    ...spec.model.endpoints.map((endpoint) => ({
      ...endpoint,
      dependency: `model/${endpoint.name}`,
    })),
    ...(spec.tools ?? []).map(({ name, http }) => ({ dependency: `tool/${name}`, ...http })),
    ...(spec.mcpServers ?? []).map((server) => ({ ...server, dependency: `mcp/${server.name}` })),
    { ...spec.telemetry.tracing, dependency: 'the collector of traces' },
  ];
  const headers = users.flatMap(({ dependency, headersFrom = [] }) =>
    headersFrom.map((header) => ({
      use: `the header ${header.name} of ${dependency}`,
      ...header.secretKeyRef,
    })),
  );
  const password = redisOf(spec)?.passwordSecretRef;
  const scraper = spec.monitoring.auth?.tokenSecretRef;
  return [
    ...keys,
    ...headers,
    ...(password ? [{ use: 'the password of Redis', ...password }] : []),
    ...(scraper ? [{ use: 'the token of scrapers', ...scraper }] : []),
    ...networkSecrets(spec).map(({ of, name, key }): SecretUse =>
      of === 'Proxy'
        ? { use: 'the credentials of spec.proxy', name, key, create: basicAuth }
        : { use: `the client certificate for ${of}`, name, key, create: tls },
    ),
  ];
}

function missingPrompt(agent: AgentDeployment, observation: AgentObservation): Problem[] {
  return missingConfigMap(agent, observation, {
    ref: agent.spec.systemPromptFrom?.configMapKeyRef,
    fault: 'the system prompt, is missing or empty',
    consequence: 'which begin no conversations without it',
  });
}

function missingAuthorities(agent: AgentDeployment, observation: AgentObservation): Problem[] {
  return missingConfigMap(agent, observation, {
    ref: agent.spec.trustedCA?.configMapKeyRef,
    fault: 'the trusted authorities, is missing or holds no certificates as PEM',
    consequence: 'which keep the former ones',
  });
}

/** A ConfigMap in the spec that is missing in pods, or lacks valid content. */
function missingConfigMap(
  { metadata: { namespace } }: AgentDeployment,
  observation: AgentObservation,
  use: { ref: { name: string; key: string } | undefined; fault: string; consequence: string },
): Problem[] {
  const { ref, fault, consequence } = use;
  const pods = connected(observation);
  const lacking = pods.filter(
    (pod) =>
      !lacksMounts(pod) &&
      pod.snapshot.missingConfigMaps?.some(
        ({ configMap, key }) => configMap === ref?.name && key === ref.key,
      ),
  );
  if (ref === undefined || lacking.length === 0) return [];
  const { name, key } = ref;
  return [
    {
      reason: 'ConfigMapNotFound',
      message:
        `Key ${key} of ConfigMap ${name}, ${fault} in ${lacking.length}/${pods.length} connected pods, ${consequence}. ` +
        `Create it, such as with kubectl create configmap ${name} --namespace ${namespace} --from-file=${key}=FILE; ` +
        'pods see it within 2 minutes, without a restart.',
    },
  ];
}

/** A pod that is older than the mounts lacks the object whether it exists or not: it waits for the rollout. */
function lacksMounts({ snapshot }: Reporting): boolean {
  return (snapshot.configuration.waiting ?? []).length > 0;
}

type Reporting = PodObservation & Required<Pick<PodObservation, 'snapshot'>>;

function connected(observation: AgentObservation): Reporting[] {
  return livePods(observation).filter(
    (pod): pod is Reporting => pod.connected && pod.snapshot !== undefined,
  );
}
