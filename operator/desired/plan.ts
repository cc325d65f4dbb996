import type { Content } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { ConditionDraft } from './common/condition.ts';
import type { AgentAttachment, Policy, PolicyRef } from './policies/attachment.ts';
import { buildAutoscaler } from './objects/autoscaler.ts';
import type { TracingDefaults } from './configuration/telemetry.ts';
import { toolWarnings } from './configuration/tools.ts';
import { hashContent, resolveContent } from './configuration/content.ts';
import type { Availability } from './common/availability.ts';
import { knownDependencies } from './common/dependencies.ts';
import { buildDeployment, keepsPods, type Upgrade } from './objects/deployment.ts';
import { buildDisruptionBudget } from './objects/disruptionBudget.ts';
import { InvalidSpecError, type Problem } from './common/errors.ts';
import { buildHeadlessService } from './objects/headlessService.ts';
import { selectorLabels } from './common/metadata.ts';
import { monitoredCondition, UNMONITORED, type MonitoringFacts } from './objects/monitoring.ts';
import { buildNetworkPolicy } from './objects/networkPolicy.ts';
import type {
  Deployment,
  Desired,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PodDisruptionBudget,
  PodTemplate,
  Service,
  ServiceAccount,
} from './objects/objects.ts';
import { runtimeContainer } from './objects/podTemplate.ts';
import { podChoices } from './objects/podChoices.ts';
import {
  planPods,
  runtimeImage,
  type LiveDeployment,
  type PodChange,
  type Pods,
  type RuntimeOptions,
} from './objects/pods.ts';
import { buildPrometheusRule, type PrometheusRule } from './objects/prometheusRule.ts';
import { buildService, serviceUrl } from './objects/service.ts';
import { buildScaledObject, loadCondition, type ScaledObject } from './objects/scaledObject.ts';
import { buildServiceAccount } from './objects/serviceAccount.ts';
import { buildServiceMonitor, type ServiceMonitor } from './objects/serviceMonitor.ts';
import { verdictOn } from './tenancy/tenancy.ts';
import type { Tenancy, Verdict } from './tenancy/tenancy.ts';
import { byText } from './common/wording.ts';

export interface PlanOptions extends RuntimeOptions {
  /** Namespace of the operator's pods. Only they may connect to the control port. */
  operatorNamespace: string;
  /** Restricts what authors of agents may do. Absent: nothing is restricted. */
  tenancy?: Tenancy;
  /** URL of the folder of runbooks. Default: alerts name the file alone. */
  runbooks?: string;
  /** Tracing of agents that do not configure it. Default: none. */
  tracing?: TracingDefaults;
}

/** A dependency and the policies in force on it. Without a breaker the built-in defaults apply. */
export interface PlannedDependency {
  name: string;
  breaker?: string;
  limit?: string;
}

/**
 * All objects of one agent. content and hash are absent if the spec results in no configuration, deployment if it results
 * in no pod template, and all of them if tenancy does not permit the spec. Then problems says why, and the rest of the
 * plan still applies.
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
  /** Instead of the autoscaler. */
  scaledObject?: ScaledObject;
  serviceMonitor?: ServiceMonitor;
  prometheusRule?: PrometheusRule;
  /** Whether the cluster has the monitoring that the spec asks for; absent if it asks for none. */
  monitored?: ConditionDraft;
  /** Whether the cluster can scale by load; absent if the spec does not ask for it. */
  scaledByLoad?: ConditionDraft;
  /** The image of the upgrade for which the agent waits; absent if it does not wait. */
  upgradeTo?: string;
  /** The upgrade has stopped, because too many agents have failed. */
  upgradeStopped?: true;
  /** The agent's own upgrade has failed. */
  upgradeFailed?: true;
  dependencies: PlannedDependency[];
  /** Policies that are in force on the agent, sorted by kind and name. */
  policies: PolicyRef[];
  /** Image that new pods run. */
  image: string;
  /** Address of the agent inside the cluster. */
  endpoint: string;
  /** Label selector of the pods, as a string. */
  selector: string;
  problems: Problem[];
  /** Faults of the spec with which the agent works all the same. */
  warnings: Problem[];
}

/** The input of a plan. */
export interface PlanInput {
  agent: AgentDeployment;
  attachment: Pick<AgentAttachment, 'circuits' | 'limits'>;
  options: PlanOptions;
  /** Default: the cluster has no monitoring. */
  facts?: MonitoringFacts;
  /** Whether the cluster has KEDA. Default: Absent. */
  scaledObjects?: Availability;
  /** The agent's Deployment in the cluster. */
  live?: LiveDeployment;
  /** Absent unless a new version of the operator changes the agent's pods. */
  upgrade?: Upgrade;
}

/** How the agent's pods would change; undefined if the spec results in no pod template or is not permitted. */
export function podChange({ agent, options, live }: PlanInput): PodChange | undefined {
  if (verdictOn(agent, options).keepsPods) return undefined;
  return attempt(() => planPods(agent, options, live), [])?.change;
}

/** Plans one agent from its spec and the attached policies. Faults of users go to `problems`; it does not throw them. */
export function planAgent(input: PlanInput): AgentPlan {
  const { agent, attachment, options, facts = UNMONITORED, live } = input;
  const problems: Problem[] = [];
  const verdict = verdictOn(agent, options);
  problems.push(...verdict.problems);
  const content = attempt(() => resolveContent(agent, attachment, options.tracing), problems);
  const policy = buildNetworkPolicy(agent, options.operatorNamespace, options.mesh);
  const pods = attempt(() => planPods(agent, options, live), problems);
  const deployment = pods && buildDeployment(agent, pods, input);
  const monitor = attempt(() => buildServiceMonitor(agent, facts), problems);
  const rule = buildPrometheusRule(agent, facts, options.runbooks);
  const monitored = monitoredCondition(agent, facts);
  return {
    ...configuration(content, verdict),
    serviceAccount: buildServiceAccount(agent),
    ...(deployment && !verdict.keepsPods && { deployment }),
    service: buildService(agent),
    headlessService: buildHeadlessService(agent, facts),
    disruptionBudget: buildDisruptionBudget(agent),
    ...(policy && { networkPolicy: policy }),
    ...scaling(input),
    ...(monitor && { serviceMonitor: monitor }),
    ...(rule && { prometheusRule: rule }),
    ...(monitored && { monitored }),
    dependencies: knownDependencies(agent, attachment).map((name) => dependency(name, attachment)),
    policies: policyRefs([...attachment.circuits.values(), ...attachment.limits.values()]),
    ...images(input, pods, deployment),
    endpoint: serviceUrl(agent),
    selector: Object.entries(selectorLabels(agent))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    problems,
    warnings: toolWarnings(agent.spec),
  };
}

/** One autoscaler at most: two for one Deployment would disable each other. */
function scaling({
  agent,
  scaledObjects = 'Absent',
}: PlanInput): Pick<AgentPlan, 'autoscaler' | 'scaledObject' | 'scaledByLoad'> {
  const scaledObject = buildScaledObject(agent, scaledObjects);
  const autoscaler = scaledObject ? undefined : buildAutoscaler(agent);
  const scaledByLoad = loadCondition(agent, scaledObjects);
  return {
    ...(autoscaler && { autoscaler }),
    ...(scaledObject && { scaledObject }),
    ...(scaledByLoad && { scaledByLoad }),
  };
}

function configuration(
  content: Content | undefined,
  { keepsConfiguration }: Verdict,
): Pick<AgentPlan, 'content' | 'hash'> {
  if (content === undefined || keepsConfiguration) return {};
  return { content, hash: hashContent(content) };
}

/**
 * The objects of a plan in the order in which they are applied: first the prerequisites of pods, then the Deployment, then
 * the objects that refer to it.
 */
export function plannedObjects(plan: AgentPlan): Desired[] {
  return [
    plan.serviceAccount,
    plan.networkPolicy,
    plan.disruptionBudget,
    plan.deployment,
    plan.service,
    plan.headlessService,
    plan.autoscaler,
    plan.scaledObject,
    plan.serviceMonitor,
    plan.prometheusRule,
  ].filter((object) => object !== undefined);
}

/** The builder's result; undefined after an InvalidSpecError, which is added to the problems once. */
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

/** @param pods with the new template; an agent that waits for its upgrade keeps that of the deployment meanwhile */
function images(
  { agent, options, live, upgrade }: PlanInput,
  pods: Pods | undefined,
  deployment: Deployment | undefined,
): Pick<AgentPlan, 'image' | 'upgradeTo' | 'upgradeStopped' | 'upgradeFailed'> {
  const usual = runtimeImage(podChoices(agent), options, live).image;
  const imageOf = (template: PodTemplate | undefined): string =>
    (template && runtimeContainer(template).image) ?? usual;
  return {
    image: imageOf(deployment?.spec.template),
    ...(keepsPods(upgrade) && { upgradeTo: imageOf(pods?.template) }),
    ...(upgrade === 'Stopped' && { upgradeStopped: true }),
    ...(upgrade === 'Failed' && { upgradeFailed: true }),
  };
}
