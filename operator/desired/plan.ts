import type { Content } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { AgentAttachment, Policy, PolicyKind } from './attachment.ts';
import { hashContent, resolveContent } from './configuration.ts';
import { dependenciesOf } from './dependencies.ts';
import { deployment, runtimeImage, type RuntimeOptions } from './deployment.ts';
import { InvalidSpecError, type Problem } from './errors.ts';
import { headlessService } from './headlessService.ts';
import { selectorLabels } from './metadata.ts';
import type { Deployment, Service, ServiceAccount } from './objects.ts';
import { runtimeContainer } from './podTemplate.ts';
import { service, serviceUrl } from './service.ts';
import { serviceAccount } from './serviceAccount.ts';
import { byText } from './wording.ts';

export type PlanOptions = RuntimeOptions;

export interface PolicyRef {
  kind: PolicyKind;
  name: string;
}

/** A dependency and the policies in force on it; no breaker means the built-in defaults. */
export interface PlannedDependency {
  name: string;
  breaker?: string;
  limit?: string;
}

/**
 * Everything that one agent is to have. content and hash are absent when no configuration can be made of the spec,
 * deployment when no pod template can be made; problems then says why, and what is there is still to be applied.
 */
export interface AgentPlan {
  content?: Content;
  hash?: string;
  serviceAccount: ServiceAccount;
  deployment?: Deployment;
  service: Service;
  headlessService: Service;
  dependencies: PlannedDependency[];
  /** Policies that hold a slot of the agent, sorted by kind and name. */
  policies: PolicyRef[];
  /** Image that new pods run. */
  image: string;
  /** Address of the agent inside the cluster. */
  endpoint: string;
  /** Label selector of the pods, as a string. */
  selector: string;
  problems: Problem[];
}

/** The plan for one agent, from its spec and the policies attached to it. Never throws for what a user wrote. */
export function planAgent({
  agent,
  attachment,
  options,
}: {
  agent: AgentDeployment;
  attachment: Pick<AgentAttachment, 'circuits' | 'limits'>;
  options: PlanOptions;
}): AgentPlan {
  const problems: Problem[] = [];
  const content = attempt(() => resolveContent(agent, attachment), problems);
  const pods = attempt(() => deployment(agent, options), problems);
  return {
    ...(content === undefined ? {} : { content, hash: hashContent(content) }),
    serviceAccount: serviceAccount(agent),
    ...(pods === undefined ? {} : { deployment: pods }),
    service: service(agent),
    headlessService: headlessService(agent),
    dependencies: dependenciesOf(agent).map((name) => dependency(name, attachment)),
    policies: policyRefs([...attachment.circuits.values(), ...attachment.limits.values()]),
    image: plannedImage(agent, options, pods),
    endpoint: serviceUrl(agent),
    selector: Object.entries(selectorLabels(agent))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    problems,
  };
}

/** The builder's result, or undefined with its problem noted once. */
function attempt<T>(build: () => T, problems: Problem[]): T | undefined {
  try {
    return build();
  } catch (error) {
    if (!(error instanceof InvalidSpecError)) throw error;
    const { reason, message } = error;
    if (!problems.some((known) => known.message === message)) problems.push({ reason, message });
    return undefined;
  }
}

function dependency(
  name: string,
  { circuits, limits }: Pick<AgentAttachment, 'circuits' | 'limits'>,
): PlannedDependency {
  const breaker = circuits.get(name)?.metadata.name;
  const limit = limits.get(name)?.metadata.name;
  return {
    name,
    ...(breaker === undefined ? {} : { breaker }),
    ...(limit === undefined ? {} : { limit }),
  };
}

function policyRefs(policies: readonly Policy[]): PolicyRef[] {
  const unique = new Map(
    policies.map(({ kind, metadata: { name } }) => [`${kind}/${name}`, { kind, name }]),
  );
  return [...unique].sort(([a], [b]) => byText(a, b)).map(([, ref]) => ref);
}

function plannedImage(
  agent: AgentDeployment,
  options: PlanOptions,
  pods: Deployment | undefined,
): string {
  const planned = pods === undefined ? undefined : runtimeContainer(pods.spec.template).image;
  return planned ?? runtimeImage(agent, options).image;
}
