import { hash } from 'node:crypto';
import type { KubernetesObject, OwnerReference } from '../../crds/meta.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Desired } from '../desired/objects/objects.ts';
import { AGENT_LABEL, FIELD_MANAGER, MANAGED_BY } from '../desired/common/metadata.ts';
import {
  ApiError,
  controllerOf,
  isConflict,
  type Deployment,
  type KubeClient,
  type Resource,
} from '../kube/index.ts';
import { type Own } from '../resources/resources.ts';
import type { ApplyError } from '../status/observations.ts';
import { transferReplicasOwnership } from './replicasOwnership.ts';
import { OwnWrites } from './ownWrites.ts';
import { changedFields, hasFieldsOf, projection } from './projection.ts';
import type { Contested, Found, Repairs } from './repairs.ts';

/** Hash of the last applied object. It saves a write when nothing changed, also after a restart. */
const APPLIED_ANNOTATION = 'breakwater.dev/applied';

/** Another owner already has an object of this name. */
export class ForeignObjectError extends Error {}

/** Another writer changes the object after each write, so the operator waits before it puts the object back. */
export class ContestedError extends Error {}

/** The object before and after a write. */
interface Written {
  /** Undefined if the write created the object. */
  before: KubernetesObject | undefined;
  after: KubernetesObject;
}

/**
 * Applies agents' objects by server-side apply. It writes an object only if its desired form changed, or if another
 * writer changed one of our fields. It never touches objects of other owners.
 */
export class ChildWriter {
  readonly #client: Pick<KubeClient, 'get' | 'apply' | 'delete'>;
  readonly #ownWrites: OwnWrites;
  readonly #repairs: Repairs;
  /** By UID: our fields as the server stores them, if it stores another form (quantities, defaults in lists). */
  readonly #normalised = new Map<string, string>();

  constructor(
    client: Pick<KubeClient, 'get' | 'apply' | 'delete'>,
    repairs: Repairs,
    ownWrites = new OwnWrites(),
  ) {
    this.#client = client;
    this.#repairs = repairs;
    this.#ownWrites = ownWrites;
  }

  /**
   * @param live as the informer has it; undefined if it has none
   * @returns the object after the write
   * @throws ApiError, ForeignObjectError, ContestedError
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
    const key = repairKey(agent, object);
    const isRepair = this.#repairs.isRepair(key, found(live), stampOf(object));
    if (isRepair && this.#repairs.waitMs(key) > 0) {
      throw new ContestedError(`${object.kind} ${object.metadata.name} is contested`);
    }
    const created = live ? undefined : await this.#create(resource, object, signal);
    const written = created
      ? { before: undefined, after: created }
      : await this.#change(agent, resource, object, live, signal);
    this.#remember(key, written, object);
    return written.after;
  }

  /** Undefined while the object is not contested. */
  contested(agent: AgentDeployment, desired: Desired): Contested | undefined {
    return this.#repairs.contested(repairKey(agent, desired));
  }

  /** Creates an object by one call; undefined if it exists already, which then stays unchanged. */
  async #create(
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
  ): Promise<Written> {
    const { namespace, name } = object.metadata;
    const before = live ?? (await this.#client.get(resource, namespace, name, { signal }));
    if (before) assertOurs(agent, before);
    if (leavesReplicas(object)) {
      const deployment = before as Deployment | undefined;
      await transferReplicasOwnership(this.#client, agent, object, deployment, signal);
    }
    const options = { fieldManager: FIELD_MANAGER, signal };
    const after = await this.#ownWrites.track(before?.metadata.uid, () =>
      this.#client.apply(resource, object, options),
    );
    return { before, after };
  }

  /**
   * Deletes an object of the agent, unless it has another owner by now. It also deletes the HorizontalPodAutoscaler
   * that KEDA made for the agent: left to the garbage collector, that one would go on scaling for a while.
   * @returns whether the object existed
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
    return this.#client.delete(resource, namespace, name, { preconditions, signal });
  }

  forget(uid: string | undefined): void {
    if (uid !== undefined) this.#normalised.delete(uid);
  }

  #isCurrent(live: KubernetesObject, object: Desired): boolean {
    if (stampOf(live) !== stampOf(object)) return false;
    if (hasFieldsOf(live, object)) return true;
    const normalised = this.#normalised.get(live.metadata.uid ?? '');
    return normalised !== undefined && normalised === projection(live, object);
  }

  #remember(key: string, { before, after }: Written, object: Desired): void {
    if (hasFieldsOf(after, object)) this.forget(after.metadata.uid);
    else this.#normalised.set(after.metadata.uid!, projection(after, object));
    const stamp = stampOf(object)!;
    // The cache may have lacked an object that is as it should be.
    const isRepair =
      !(before && this.#isCurrent(before, object)) &&
      this.#repairs.isRepair(key, found(before), stamp);
    const fields = before ? changedFields(before, object) : [];
    const { resourceVersion: version } = after.metadata;
    this.#repairs.wrote(key, { stamp, version }, isRepair ? fields : undefined);
  }
}

/** Adds the object's own hash to its annotations. */
function stamped(desired: Desired): Desired {
  const stamp = hash('sha256', JSON.stringify(desired)).slice(0, 16);
  const annotations = { ...desired.metadata.annotations, [APPLIED_ANNOTATION]: stamp };
  return { ...desired, metadata: { ...desired.metadata, annotations } };
}

function stampOf({ metadata }: KubernetesObject): string | undefined {
  return metadata.annotations?.[APPLIED_ANNOTATION];
}

function found(object: KubernetesObject | undefined): Found | undefined {
  return object && { stamp: stampOf(object), version: object.metadata.resourceVersion };
}

/** An agent that is made again under its name has no repairs. */
function repairKey(agent: AgentDeployment, { kind, metadata }: Desired): string {
  return `${agent.metadata.uid}/${kind}/${metadata.name}`;
}

/** @throws ForeignObjectError unless the agent controls the object, or it has our labels and lost its controller */
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
    : 'Breakwater did not create it';
  throw new ForeignObjectError(
    `${existing.kind} ${existing.metadata.name} already exists and ${owner}. Rename the AgentDeployment or delete that object.`,
  );
}

/** Whether the owner was deleted and the agent made under its name: of two with one name there is one at a time. */
function isPredecessor(
  agent: AgentDeployment,
  { kind, name, apiVersion }: OwnerReference,
): boolean {
  return kind === agent.kind && apiVersion === agent.apiVersion && name === agent.metadata.name;
}

export function isControlledBy(agent: AgentDeployment, object: KubernetesObject): boolean {
  return controllerOf(object)?.uid === agent.metadata.uid;
}

/** Whether KEDA made this HorizontalPodAutoscaler from a ScaledObject. KEDA copies the labels of that one. */
export function isMadeByKeda(object: KubernetesObject): boolean {
  const controller = controllerOf(object);
  return (
    object.kind === 'HorizontalPodAutoscaler' &&
    controller?.kind === 'ScaledObject' &&
    controller.apiVersion.startsWith('keda.sh/')
  );
}

/** Whether the object is a Deployment whose replicas an autoscaler sets. */
function leavesReplicas(desired: Desired): boolean {
  const { kind, spec } = desired as Desired & { spec?: { replicas?: number } };
  return kind === 'Deployment' && spec?.replicas === undefined;
}

/** An error of `apply` as status shows it; undefined for an error that a retry may solve. */
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
  return (
    status === 500 &&
    /failed calling webhook|conversion webhook for .* failed|request is too large/.test(message)
  );
}

/** Server-side apply answers 500, not 422, to a value of the wrong form or type, such as a number in place of a string. */
function isUnconvertible({ status, message }: ApiError): boolean {
  return status === 500 && /^failed to (convert new|create typed patch) object/.test(message);
}
