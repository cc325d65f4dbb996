import { hash } from 'node:crypto';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Deployment as Desired, PodTemplate } from '../desired/objects.ts';
import type { AgentPlan, PlanOptions } from '../desired/plan.ts';
import { runtimeContainer } from '../desired/podTemplate.ts';
import { keyOf, type Deployment } from '../kube/index.ts';
import { agentKeyOfChild } from './agentOf.ts';

/** Hash of the pod template as the operator made it. */
export const TEMPLATE_ANNOTATION = 'breakwater.dev/template';
/** Hash of what the user chose of that template. */
export const CHOICES_ANNOTATION = 'breakwater.dev/template-choices';
/** Stands on a Deployment while it takes one of the places, so that the next leader knows. */
export const UPGRADING_ANNOTATION = 'breakwater.dev/upgrading';

export interface UpgradesOptions {
  /** How many agents may roll at once because the operator is a new version. */
  limit: number;
  /** All Deployments of agents, as an earlier leader left them. */
  deployments: readonly Deployment[];
  /** Called with the key of an agent that may find a place now. */
  wake: (key: string) => void;
}

/**
 * Sees to it that a new version of the operator, with another default image or another pod template, does not
 * roll all agents at once. A roll-out that the user asked for never waits. One that does not come to an end
 * keeps its place, so an upgrade that breaks agents stops by itself.
 */
export class Upgrades {
  readonly #limit: number;
  readonly #wake: (key: string) => void;
  readonly #rolling = new Set<string>();
  readonly #waiting = new Set<string>();

  constructor({ limit, deployments, wake }: UpgradesOptions) {
    this.#limit = limit;
    this.#wake = wake;
    for (const deployment of deployments) {
      if (deployment.metadata.annotations?.[UPGRADING_ANNOTATION] === undefined) continue;
      this.#rolling.add(agentKeyOfChild(deployment) ?? keyOf(deployment));
    }
  }

  /** The plan with the pod template that the agent is to have now. */
  schedule(
    key: string,
    agent: AgentDeployment,
    plan: AgentPlan,
    live: Deployment | undefined,
  ): AgentPlan {
    if (plan.deployment === undefined) return plan;
    const deployment = this.#next(key, agent, plan.deployment, live);
    const image = runtimeContainer(deployment.spec.template).image ?? plan.image;
    const upgradeTo = this.#waiting.has(key) ? { upgradeTo: plan.image } : {};
    return { ...plan, deployment, image, ...upgradeTo };
  }

  /** Gives up the agent's place, or its turn. */
  release(key: string): void {
    this.#waiting.delete(key);
    this.#rolling.delete(key);
    this.#wakeNext();
  }

  #next(
    key: string,
    agent: AgentDeployment,
    planned: Desired,
    live: Deployment | undefined,
  ): Desired {
    const template = hashOf(planned.spec.template);
    const choices = hashOf(choicesOf(agent));
    const state = stateOf(live, template, choices);
    if (state === 'Done') this.release(key);
    else if (state !== 'Upgrade') this.#waiting.delete(key);
    if (live && state === 'Upgrade' && !this.#admit(key)) return held(planned, live);
    return annotated(planned, {
      [TEMPLATE_ANNOTATION]: template,
      [CHOICES_ANNOTATION]: choices,
      ...(this.#rolling.has(key) && { [UPGRADING_ANNOTATION]: 'true' }),
    });
  }

  #admit(key: string): boolean {
    if (!this.#rolling.has(key) && this.#rolling.size >= this.#limit) {
      this.#waiting.add(key);
      return false;
    }
    this.#waiting.delete(key);
    this.#rolling.add(key);
    return true;
  }

  #wakeNext(): void {
    const free = this.#limit - this.#rolling.size;
    for (const key of [...this.#waiting].slice(0, Math.max(0, free))) this.#wake(key);
  }
}

/**
 * What to plan an agent with: runtimeUpgrade Manual keeps the default image that its pods have, and the pull
 * policy that goes with it.
 */
export function optionsFor(
  { spec }: AgentDeployment,
  options: PlanOptions,
  live: Deployment | undefined,
): PlanOptions {
  if (spec.runtimeUpgrade !== 'Manual' || live === undefined) return options;
  const { image, imagePullPolicy } = runtimeContainer(templateOf(live));
  if (image === undefined) return options;
  return {
    ...options,
    runtimeImage: image,
    ...(options.runtimeImagePullPolicy !== undefined &&
      typeof imagePullPolicy === 'string' && { runtimeImagePullPolicy: imagePullPolicy }),
  };
}

/**
 * Done: nothing rolls. Rolling: the template is applied, its pods are being made. Edit: the user changed what the
 * template is made of. Upgrade: the operator changed it, since what the user chose is the same or was never noted.
 */
function stateOf(
  live: Deployment | undefined,
  template: string,
  choices: string,
): 'Done' | 'Rolling' | 'Edit' | 'Upgrade' {
  if (!live) return 'Done';
  const { [TEMPLATE_ANNOTATION]: applied, [CHOICES_ANNOTATION]: noted = choices } =
    live.metadata.annotations ?? {};
  if (applied === template) return isComplete(live) ? 'Done' : 'Rolling';
  return noted === choices ? 'Upgrade' : 'Edit';
}

/** The part of a spec that a pod template is made of. What is missed here waits for a place like an upgrade. */
function choicesOf({ spec }: AgentDeployment): unknown {
  const { image, imagePullPolicy, runtimeUpgrade, probes, shutdown, podTemplate, model } = spec;
  const secrets = model.endpoints.map(({ name, apiKeySecretRef }) => [name, apiKeySecretRef]);
  const choices = [image, imagePullPolicy, runtimeUpgrade, probes, shutdown, podTemplate, secrets];
  const others = otherReferences(spec);
  // Left out when there are none, so that what was noted before such references existed still holds.
  return others.length === 0 ? choices : [...choices, others];
}

/** The Secrets and ConfigMaps that are mounted besides the endpoints' API keys, each with what it is for. */
function otherReferences(spec: AgentDeployment['spec']): [use: string, reference: unknown][] {
  const { systemPromptFrom, tools = [], mcpServers = [], conversation, auth } = spec;
  const headers = [...tools.map(({ http }) => http), ...mcpServers].flatMap(
    ({ headersFrom = [] }) => headersFrom.map(({ secretKeyRef }) => secretKeyRef),
  );
  const references: [string, unknown][] = [
    ['prompt', systemPromptFrom?.configMapKeyRef],
    ['password', conversation.store.redis?.passwordSecretRef],
    ['callers', auth.apiKeys?.secretRef],
    ...headers.map((reference): [string, unknown] => ['header', reference]),
  ];
  return references.filter(([, reference]) => reference !== undefined);
}

/** All pods are of the newest template and available, as `kubectl rollout status` judges it. */
function isComplete({ metadata, spec, status }: Deployment): boolean {
  const seen = {
    observedGeneration: 0,
    replicas: 0,
    updatedReplicas: 0,
    availableReplicas: 0,
    ...status,
  };
  return (
    seen.observedGeneration >= (metadata.generation ?? 0) &&
    seen.updatedReplicas >= (spec.replicas ?? 1) &&
    seen.replicas <= seen.updatedReplicas &&
    seen.availableReplicas >= seen.updatedReplicas
  );
}

/** The planned Deployment with the template that is there, which so rolls nothing. */
function held(planned: Desired, live: Deployment): Desired {
  const known = [TEMPLATE_ANNOTATION, CHOICES_ANNOTATION].flatMap((name) => {
    const value = live.metadata.annotations?.[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return annotated(
    { ...planned, spec: { ...planned.spec, template: templateOf(live) } },
    Object.fromEntries(known),
  );
}

const templateOf = ({ spec }: Deployment): PodTemplate => spec.template as unknown as PodTemplate;

function annotated(deployment: Desired, annotations: Record<string, string>): Desired {
  const { metadata } = deployment;
  return {
    ...deployment,
    metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
  };
}

const hashOf = (value: unknown): string => hash('sha256', JSON.stringify(value)).slice(0, 16);
