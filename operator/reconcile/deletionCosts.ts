import type { Logger } from 'pino';
import type { Load } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import {
  describeError,
  isConflict,
  isNotFound,
  repeat,
  Slices,
  type Clock,
  type KubeClient,
  type Pod,
} from '../kube/index.ts';
import type { Links } from '../links/index.ts';
import { Pods } from '../resources/resources.ts';
import { isTerminating } from './freshness.ts';

/** The ReplicaSet controller deletes pods of lower cost first. Without the annotation a pod costs 0. */
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

const INTERVAL_MS = 5_000;
/** Least time between two writes of one pod. */
const EVERY_MS = 60_000;
/** Writes of one update: two a second. */
const MOST_AT_ONCE = 10;

export interface DeletionCostsOptions {
  client: Pick<KubeClient, 'mergePatch'>;
  replicas: { of(agentKey: string): Pod[] };
  /** Keys of all agents. */
  agents: () => Iterable<string>;
  agent: (key: string) => AgentDeployment | undefined;
  links: Pick<Links, 'podReport'>;
  clock: Clock;
  logger: Pick<Logger, 'warn'>;
}

/** Makes a scale-down delete pods without streams and conversations first. */
export class DeletionCosts {
  readonly #options: DeletionCostsOptions;
  /** By UID of the pod, when its cost was written, in monotonic milliseconds. */
  readonly #writtenAt = new Map<string, number>();
  /** Writes that are left of an update. */
  #left = 0;
  readonly #slices: Slices;

  constructor(options: DeletionCostsOptions) {
    this.#options = options;
    this.#slices = new Slices(options.clock);
  }

  /** Updates costs until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    await repeat(this.#options.clock, INTERVAL_MS, signal, () => this.updateAll(signal));
  }

  async updateAll(signal: AbortSignal): Promise<void> {
    const { agents, replicas } = this.#options;
    const present = new Set<string>();
    this.#left = MOST_AT_ONCE;
    for (const key of [...agents()]) {
      while (this.#slices.isUsedUp) await this.#slices.next();
      const pods = replicas.of(key);
      for (const { metadata } of pods) present.add(metadata.uid!);
      if (pods.length < 2 || this.#isSetByUser(key)) continue;
      for (const pod of pods) await this.#update(pod, signal);
    }
    for (const uid of this.#writtenAt.keys()) if (!present.has(uid)) this.#writtenAt.delete(uid);
  }

  /** Whether spec.podTemplate sets the cost. */
  #isSetByUser(key: string): boolean {
    const template = this.#options.agent(key)?.spec.podTemplate as PodTemplate | undefined;
    return template?.metadata?.annotations?.[DELETION_COST] !== undefined;
  }

  async #update(pod: Pod, signal: AbortSignal): Promise<void> {
    const { links } = this.#options;
    const { uid, annotations } = pod.metadata;
    const load = links.podReport(uid!)?.snapshot?.load;
    if (!load || isTerminating(pod) || signal.aborted) return;
    const cost = costOf(load);
    if (cost === (annotations?.[DELETION_COST] ?? '0')) return;
    if (this.#mayWrite(uid!)) await this.#write(pod, cost, signal);
  }

  #mayWrite(uid: string): boolean {
    const now = this.#options.clock.monotonic();
    const dueAt = (this.#writtenAt.get(uid) ?? -Infinity) + EVERY_MS;
    if (this.#left === 0 || now < dueAt) return false;
    this.#left -= 1;
    this.#writtenAt.set(uid, now);
    return true;
  }

  async #write({ metadata }: Pod, cost: string, signal: AbortSignal): Promise<void> {
    const { client, logger } = this.#options;
    const { namespace, name, uid } = metadata;
    // With the UID, the patch fails for a new pod of the same name.
    const patch = { metadata: { uid, annotations: { [DELETION_COST]: cost } } };
    try {
      await client.mergePatch(Pods, namespace, name, patch, { signal });
    } catch (error) {
      if (isNotFound(error) || isConflict(error) || signal.aborted) return;
      logger.warn(
        { namespace, pod: name, ...describeError(error) },
        'Deletion cost of the pod could not be written; tried again later',
      );
    }
  }
}

interface PodTemplate {
  metadata?: { annotations?: Record<string, string> };
}

/** 0 for an idle pod, and one more with each doubling of its load: coarse, so that it seldom changes. */
function costOf({ streams = 0, conversations = 0 }: Load): string {
  const busy = streams + conversations;
  return busy === 0 ? '0' : String(1 + Math.floor(Math.log2(busy)));
}
