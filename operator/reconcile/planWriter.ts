import type { Configuration } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { buildConfigMap } from '../desired/objects/configMap.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { plannedObjects, type AgentPlan } from '../desired/plan.ts';
import { keyOf } from '../kube/index.ts';
import type { ApplyError } from '../status/observations.ts';
import type { Applied, HeldContest } from './agentState.ts';
import type { Caches } from './caches.ts';
import { applyErrorOf, ContestedError, type ChildWriter } from './children.ts';
import { obsoleteObjects } from './obsolete.ts';
import { ownershipOf, permittedDeployment, type Ownership } from './prerequisites.ts';
import { waitsForScaler } from './scalers.ts';

export interface PlanWriterOptions {
  agent: AgentDeployment;
  plan: AgentPlan;
  caches: Caches;
  children: ChildWriter;
  signal: AbortSignal;
}

interface WriteResult extends Pick<Applied, 'applyErrors' | 'deploymentGeneration'> {
  contests: HeldContest[];
}

const DEPLOYMENT_AND_PREREQUISITES = new Set(['ServiceAccount', 'NetworkPolicy', 'Deployment']);

/**
 * Writes the objects of one plan. It collects what the API server refuses and writes the other objects all the same.
 * It throws errors that a retry may solve.
 */
export class PlanWriter {
  readonly result: WriteResult = { applyErrors: [], contests: [] };
  readonly #options: PlanWriterOptions;

  constructor(options: PlanWriterOptions) {
    this.#options = options;
  }

  /** @returns whether the ConfigMap now holds the configuration */
  applyConfiguration(
    configuration: Configuration,
    authorityPem: string,
    programToken: string | undefined,
  ): Promise<boolean> {
    const { agent } = this.#options;
    return this.#apply(buildConfigMap(agent, configuration, authorityPem, programToken));
  }

  /** Deletes the objects that the plan no longer has, then applies those that it has. */
  async applyObjects(): Promise<void> {
    const { agent, plan, caches, children, signal } = this.#options;
    for (const { resource, object } of obsoleteObjects(keyOf(agent), plan, caches)) {
      const remove = (): Promise<boolean> => children.remove(agent, resource, object, signal);
      await this.#attempt(object, remove, { deleting: true });
    }
    for (const desired of plannedObjects(plan)) {
      if (waitsForScaler(agent, desired, plan, caches)) continue;
      const object = desired === plan.deployment ? this.#permittedDeployment() : desired;
      if (object) await this.#apply(object);
    }
  }

  async #apply(desired: Desired): Promise<boolean> {
    const { agent, caches, children, signal } = this.#options;
    const { kind, metadata } = desired;
    const isWritten = await this.#attempt(desired, async () => {
      const informer = caches.childrenOf(desired.kind);
      const live = informer.get(desired.metadata.namespace, desired.metadata.name);
      const { metadata } = await children.apply(agent, informer.resource, desired, live, signal);
      if (desired.kind !== 'Deployment') return;
      this.result.deploymentGeneration = metadata.generation ?? 0;
    });
    const contested = children.contested(agent, desired);
    if (contested) {
      this.result.contests.push({ kind, name: metadata.name, held: !isWritten, ...contested });
    }
    return isWritten;
  }

  async #attempt(
    object: KubernetesObject,
    write: () => Promise<unknown>,
    facts: Pick<ApplyError, 'deleting'> = {},
  ): Promise<boolean> {
    try {
      await write();
      return true;
    } catch (error) {
      if (error instanceof ContestedError) return false;
      const refusal = applyErrorOf(object, error);
      if (!refusal) throw error;
      this.result.applyErrors.push({ ...refusal, ...facts });
      return false;
    }
  }

  /** The Deployment's prerequisites must have been applied before the call. */
  #permittedDeployment(): Desired | undefined {
    const { deployment, serviceAccount, networkPolicy } = this.#options.plan;
    const { namespace, name } = deployment!.metadata;
    const live = this.#options.caches.deployments.get(namespace, name);
    const prerequisites = {
      serviceAccount: this.#ownershipOf(serviceAccount),
      networkPolicy: networkPolicy ? this.#ownershipOf(networkPolicy) : 'NotPlanned',
    } as const;
    return permittedDeployment(deployment!, prerequisites, live !== undefined);
  }

  #ownershipOf({ kind, metadata }: Desired): Ownership {
    const { agent, caches } = this.#options;
    const live = caches.childrenOf(kind).get(metadata.namespace, metadata.name);
    const refused = this.result.applyErrors.find((error) => error.kind === kind && !error.deleting);
    const isHeld = this.result.contests.some((contest) => contest.kind === kind && contest.held);
    return ownershipOf(agent, isHeld ? 'Contested' : refused?.reason, live);
  }
}

/** Whether the Deployment, or a prerequisite of it, was not written. */
export function isHeldBack({ applyErrors, contests }: WriteResult): boolean {
  const unwritten = [
    ...applyErrors.filter(({ deleting }) => !deleting),
    ...contests.filter(({ held }) => held),
  ];
  return unwritten.some(({ kind }) => DEPLOYMENT_AND_PREREQUISITES.has(kind));
}
