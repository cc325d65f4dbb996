import { hash } from 'node:crypto';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { AGENT_LABEL, MANAGED_BY } from '../desired/common/metadata.ts';
import { ApiError, isConflict, type Deployment, type Resource } from '../kube/index.ts';
import { type Own } from '../resources/resources.ts';
import type { ApplyError } from '../status/observations.ts';
import { FIELD_MANAGER, type ChildClient } from './childClient.ts';
import { handReplicasOver } from './handOver.ts';
import { OwnWrites } from './ownWrites.ts';
import { carries, projection } from './projection.ts';

/** Hash of what was applied last, so that nothing is written when nothing changed, also after a restart. */
export const APPLIED_ANNOTATION = 'breakwater.dev/applied';

/** An object stands in the way that this agent does not own. */
export class ForeignObjectError extends Error {}

/**
 * Applies the objects of agents by server-side apply. An object is written only when its desired
 * form changed or somebody changed a field that is ours; objects of others are never touched.
 */
export class ChildWriter {
  readonly #client: ChildClient;
  readonly #ownWrites: OwnWrites;
  /** How the server stores what was applied where that differs from what was sent (quantities, defaults in lists), by UID. */
  readonly #normalised = new Map<string, string>();

  constructor(client: ChildClient, ownWrites = new OwnWrites()) {
    this.#client = client;
    this.#ownWrites = ownWrites;
  }

  /**
   * @param live the object as the informer has it; undefined when it has none
   * @returns the object as it stands then
   * @throws ApiError, ForeignObjectError
   */
  async apply(
    agent: AgentDeployment,
    resource: Resource<KubernetesObject, Own>,
    desired: Desired,
    live: KubernetesObject | undefined,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const object = stamped(desired);
    if (live && this.#isCurrent(live, object)) return live;
    const made = live ? undefined : await this.#make(resource, object, signal);
    const result = made ?? (await this.#change(agent, resource, object, live, signal));
    this.#remember(result, object);
    return result;
  }

  /** Makes an object that the informer has not: one call, and nothing happens to one that is there after all. */
  async #make(
    resource: Resource<KubernetesObject, Own>,
    object: Desired,
    signal: AbortSignal,
  ): Promise<KubernetesObject | undefined> {
    if (leavesReplicas(object)) return undefined;
    try {
      const options = { fieldManager: FIELD_MANAGER, absent: true, signal };
      return await this.#client.apply(resource, object, options);
    } catch (error) {
      if (isConflict(error)) return undefined;
      throw error;
    }
  }

  async #change(
    agent: AgentDeployment,
    resource: Resource<KubernetesObject, Own>,
    object: Desired,
    live: KubernetesObject | undefined,
    signal: AbortSignal,
  ): Promise<KubernetesObject> {
    const { namespace, name } = object.metadata;
    const existing = live ?? (await this.#client.get(resource, namespace, name, { signal }));
    if (existing) assertOurs(agent, existing);
    if (leavesReplicas(object)) {
      const deployment = existing as Deployment | undefined;
      await handReplicasOver(this.#client, agent, object, deployment, signal);
    }
    return this.#ownWrites.during(existing?.metadata.uid, () =>
      this.#client.apply(resource, object, { fieldManager: FIELD_MANAGER, signal }),
    );
  }

  /**
   * Deletes an object that was made for the agent, unless it has another owner by now. What KEDA has made of the agent's
   * ScaledObject goes with it at once; otherwise it would scale until the garbage collector comes by.
   * @returns whether it was there
   * @throws ApiError
   */
  async remove(
    agent: AgentDeployment,
    resource: Resource<KubernetesObject, Own>,
    live: KubernetesObject,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { namespace, name, uid } = live.metadata;
    if (live.metadata.deletionTimestamp !== undefined) return false;
    if (!isControlledBy(agent, live) && !isMadeByKeda(live)) return false;
    this.forget(uid);
    const preconditions = uid === undefined ? {} : { uid };
    return this.#client.delete(resource, namespace!, name, { preconditions, signal });
  }

  /** Forgets an object that is gone. */
  forget(uid: string | undefined): void {
    if (uid !== undefined) this.#normalised.delete(uid);
  }

  #isCurrent(live: KubernetesObject, object: Desired): boolean {
    const stamp = object.metadata.annotations?.[APPLIED_ANNOTATION];
    if (live.metadata.annotations?.[APPLIED_ANNOTATION] !== stamp) return false;
    if (carries(live, object)) return true;
    const normalised = this.#normalised.get(live.metadata.uid ?? '');
    return normalised !== undefined && normalised === projection(live, object);
  }

  #remember(result: KubernetesObject, object: Desired): void {
    if (carries(result, object)) this.forget(result.metadata.uid);
    else this.#normalised.set(result.metadata.uid!, projection(result, object));
  }
}

/** The object with the hash of itself among its annotations. */
function stamped(desired: Desired): Desired {
  const stamp = hash('sha256', JSON.stringify(desired)).slice(0, 16);
  const annotations = { ...desired.metadata.annotations, [APPLIED_ANNOTATION]: stamp };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

/** An object is ours when the agent controls it, or when it has our labels and no controller (a lost owner). */
function assertOurs(agent: AgentDeployment, existing: KubernetesObject): void {
  const controller = controllerOf(existing);
  if (controller?.uid === agent.metadata.uid) return;
  const labels = existing.metadata.labels ?? {};
  const labelled =
    labels['app.kubernetes.io/managed-by'] === MANAGED_BY &&
    labels[AGENT_LABEL] === agent.metadata.name;
  if (!controller && labelled) return;
  if (controller && isPredecessor(agent, controller)) {
    throw new ForeignObjectError(
      `${existing.kind} ${existing.metadata.name} still belongs to a deleted AgentDeployment of the same name. The agent gets its own when the garbage collector has removed it.`,
    );
  }
  const owner = controller
    ? `it belongs to ${controller.kind} ${controller.name}`
    : 'it was not made by Breakwater';
  throw new ForeignObjectError(
    `${existing.kind} ${existing.metadata.name} already exists and ${owner}; rename the AgentDeployment or remove that object`,
  );
}

/** Whether the owner was deleted and the agent made under its name: of two with one name there is one at a time. */
function isPredecessor(
  agent: AgentDeployment,
  { kind, name, apiVersion }: OwnerReference,
): boolean {
  return kind === agent.kind && apiVersion === agent.apiVersion && name === agent.metadata.name;
}

/** Whether the object belongs to the agent. */
export function isControlledBy(agent: AgentDeployment, object: KubernetesObject): boolean {
  return controllerOf(object)?.uid === agent.metadata.uid;
}

/** Whether KEDA made it of a ScaledObject, whose labels it copies. */
export function isMadeByKeda(object: KubernetesObject): boolean {
  const controller = controllerOf(object);
  return (
    object.kind === 'HorizontalPodAutoscaler' &&
    controller?.kind === 'ScaledObject' &&
    controller.apiVersion.startsWith('keda.sh/')
  );
}

function controllerOf({ metadata }: KubernetesObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find((owner) => owner.controller);
}

/** Whether it is a Deployment on whose number of pods autoscaling decides. */
function leavesReplicas(desired: Desired): boolean {
  const { kind, spec } = desired as Desired & { spec?: { replicas?: number } };
  return kind === 'Deployment' && spec?.replicas === undefined;
}

/** What to show for an error of `apply`; undefined for one that is worth another try without a word. */
export function applyErrorOf(
  { kind, metadata: { name } }: KubernetesObject,
  error: unknown,
): ApplyError | undefined {
  if (error instanceof ForeignObjectError) {
    return { kind, name, reason: 'AlreadyExists', message: error.message };
  }
  if (!(error instanceof ApiError)) return undefined;
  const { status, reason = `HTTP${status}`, message } = error;
  if (isUnconvertible(error)) return { kind, name, reason: 'Invalid', message };
  const refused = status >= 400 && status < 500 && status !== 409 && status !== 429;
  return refused || isLasting(error) ? { kind, name, reason, message } : undefined;
}

/** Whether the API server will fail again for as long as nobody mends a webhook or makes the object smaller. */
function isLasting({ status, message }: ApiError): boolean {
  return status === 500 && /failed calling webhook|request is too large/.test(message);
}

/** Server-side apply answers 500, not 422, to a value of the wrong form or type, such as a number in place of a string. */
function isUnconvertible({ status, message }: ApiError): boolean {
  return status === 500 && /^failed to (convert new|create typed patch) object/.test(message);
}
