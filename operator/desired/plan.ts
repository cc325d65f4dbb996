import type { Content } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { AgentAttachment, ConditionDraft, Policy, PolicyKind } from './attachment.ts';
import { autoscaler } from './autoscaler.ts';
import { hashContent, resolveContent } from './configuration.ts';
import { dependenciesOf } from './dependencies.ts';
import { deployment, runtimeImage, type RuntimeOptions } from './deployment.ts';
import { disruptionBudget } from './disruptionBudget.ts';
import { InvalidSpecError, type Problem } from './errors.ts';
import { headlessService } from './headlessService.ts';
import { selectorLabels } from './metadata.ts';
import { monitoredCondition, UNMONITORED, type MonitoringFacts } from './monitoring.ts';
import { networkPolicy } from './networkPolicy.ts';
import type {
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  Service,
  ServiceAccount,
} from './objects.ts';
import { runtimeContainer } from './podTemplate.ts';
import { prometheusRule, type PrometheusRule } from './prometheusRule.ts';
import { service, serviceUrl } from './service.ts';
import { serviceAccount } from './serviceAccount.ts';
import { serviceMonitor, type ServiceMonitor } from './serviceMonitor.ts';
import { byText } from './wording.ts';

export interface PlanOptions extends RuntimeOptions {
  /** Where the operator's pods are, which alone may reach the control port. */
  operatorNamespace: string;
  /** Address of the pages of the alerts; absent: they are named without an address. */
  runbooks?: string;
}

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
  disruptionBudget: PodDisruptionBudget;
  networkPolicy?: NetworkPolicy;
  autoscaler?: HorizontalPodAutoscaler;
  serviceMonitor?: ServiceMonitor;
  prometheusRule?: PrometheusRule;
  /** Whether the cluster can give the monitoring that the spec asks for; absent when it asks for none. */
  monitored?: ConditionDraft;
  /** The image that pods get when it is this agent's turn to be upgraded; absent when it does not wait. */
  upgradeTo?: string;
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
  facts = UNMONITORED,
}: {
  agent: AgentDeployment;
  attachment: Pick<AgentAttachment, 'circuits' | 'limits'>;
  options: PlanOptions;
  /** Absent: the cluster has no monitoring. */
  facts?: MonitoringFacts;
}): AgentPlan {
  const problems: Problem[] = [];
  const content = attempt(() => resolveContent(agent, attachment), problems);
  const policy = networkPolicy(agent, options.operatorNamespace);
  const scaler = autoscaler(agent);
  const pods = attempt(() => deployment(agent, options), problems);
  const monitor = attempt(() => serviceMonitor(agent, facts), problems);
  const rule = prometheusRule(agent, facts, options.runbooks);
  const monitored = monitoredCondition(agent, facts);
  return {
    ...(content === undefined ? {} : { content, hash: hashContent(content) }),
    serviceAccount: serviceAccount(agent),
    ...(pods === undefined ? {} : { deployment: pods }),
    service: service(agent),
    headlessService: headlessService(agent, facts),
    disruptionBudget: disruptionBudget(agent),
    ...(policy && { networkPolicy: policy }),
    ...(scaler && { autoscaler: scaler }),
    ...(monitor && { serviceMonitor: monitor }),
    ...(rule && { prometheusRule: rule }),
    ...(monitored && { monitored }),
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
