import { isDeepStrictEqual } from 'node:util';
import type { Snapshot } from '../../contract/generated/types.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Pod } from '../../operator/kube/index.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import { summarizeBreaker } from '../../operator/status/breakerSummary.ts';
import { summarizeLimits } from '../../operator/status/limits.ts';
import type { AgentObservation } from '../../operator/status/observations.ts';
import { breakerStatus, limitStatus } from '../../operator/status/policy.ts';
import { AGENT_LABEL, keyOf, type World } from '../view/world.ts';
import type { LocalPlan, LocalPlans } from './agentPlan.ts';
import type { AgentState } from './agentState.ts';

/** What a runtime on this computer does. */
export interface LocalRun {
  /** Of the configuration that it should have. */
  hash: string | undefined;
  /** Undefined until its runtime answers. */
  state: AgentState | undefined;
}

/** The objects of a cluster that would have these agents, each with one pod, with the operator's own statuses. */
export class LocalWorld {
  /** By kind, namespace and name. */
  #before = new Map<string, KubernetesObject>();
  #world: World = { agents: [], breakers: [], limits: [], pods: [] };

  /** An object that did not change is the same one as before. */
  get world(): World {
    return this.#world;
  }

  /**
   * Makes it anew, and tells whether anything has changed.
   * @param runs by the ids of the agents
   */
  update(plans: LocalPlans, runs: ReadonlyMap<string, LocalRun>, now: Date): boolean {
    const observations = new Map(
      plans.agents.map((plan) => [plan.id, observationOf(plan, runs.get(plan.id))]),
    );
    const within = (namespace: string | undefined): Map<string, AgentObservation> =>
      new Map(
        plans.agents
          .filter((plan) => plan.namespace === namespace)
          .map(({ id, name }) => [name, observations.get(id)!]),
      );
    const objects = {
      agents: plans.agents.map(({ id, agent, planned }) =>
        this.#with(ofOnePod(agent), (one, previous) =>
          agentStatus({
            ...{ agent: one, observation: observations.get(id)!, previous, now },
            // This computer has neither monitoring nor KEDA.
            plan: { ...planned, monitored: undefined, scaledByLoad: undefined },
          }),
        ),
      ),
      breakers: plans.breakers.map((attachment) =>
        this.#with(attachment.policy, (policy, previous) => {
          const seen = summarizeBreaker(policy, attachment.won, within(policy.metadata.namespace));
          return breakerStatus({ attachment, seen, previous, now });
        }),
      ),
      limits: plans.limits.map((attachment) =>
        this.#with(attachment.policy, (policy, previous) => {
          const seen = summarizeLimits(policy, attachment.won, within(policy.metadata.namespace));
          return limitStatus({ attachment, seen, previous, now });
        }),
      ),
      pods: plans.agents.map((plan) =>
        this.#same(podOf(plan, observations.get(plan.id)!.pods.length > 0)),
      ),
    };
    const all = Object.values(objects).flat();
    const changed =
      all.length !== this.#before.size ||
      all.some((object) => this.#before.get(idOf(object)) !== object);
    this.#before = new Map(all.map((object) => [idOf(object), object]));
    this.#world = objects;
    return changed;
  }

  #with<S extends object, T extends KubernetesObject & { status?: S }>(
    object: T,
    statusOf: (object: T, previous: S | undefined) => S,
  ): T {
    const before = this.#before.get(idOf(object)) as T | undefined;
    return this.#same({ ...object, status: statusOf(object, before?.status) });
  }

  /** The former object if it is equal. */
  #same<T extends KubernetesObject>(object: T): T {
    const before = this.#before.get(idOf(object));
    return isDeepStrictEqual(before, object) ? (before as T) : object;
  }
}

const idOf = (object: KubernetesObject): string => `${object.kind} ${keyOf(object)}`;

/** Here every agent is one process. */
function ofOnePod(agent: AgentDeployment): AgentDeployment {
  const { autoscaling: _, ...spec } = agent.spec;
  return { ...agent, spec: { ...spec, replicas: 1 } };
}

function observationOf({ name, id }: LocalPlan, run: LocalRun | undefined): AgentObservation {
  const { state } = run ?? {};
  const ready = state === undefined ? 0 : 1;
  return {
    ...(run?.hash !== undefined && { desiredHash: run.hash }),
    paused: false,
    applyErrors: [],
    deployment: {
      ...{ desired: 1, generation: 1, observedGeneration: 1, replicas: 1, updatedReplicas: 1 },
      ...{ readyReplicas: ready, conditions: [] },
    },
    pods:
      state === undefined
        ? []
        : [
            {
              ...{ name, uid: id, ready: true, terminating: false, connected: true, features: [] },
              ...(state.configuration.hash !== undefined && { hash: state.configuration.hash }),
              snapshot: snapshotOf(state),
            },
          ],
  };
}

function snapshotOf({ configuration, circuits, limits, transitions, gates }: AgentState): Snapshot {
  return {
    type: 'Snapshot',
    ...{ configuration, circuits, limits, transitions, gates },
    missingCredentials: [],
  };
}

function podOf({ id, name, namespace, agent }: LocalPlan, ready: boolean): Pod {
  const { creationTimestamp } = agent.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...{ name, namespace, uid: id, labels: { [AGENT_LABEL]: name } },
      ...(creationTimestamp !== undefined && { creationTimestamp }),
    },
    status: {
      phase: ready ? 'Running' : 'Pending',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  } as Partial<Pod> as Pod;
}
