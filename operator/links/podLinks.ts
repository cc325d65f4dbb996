import type { Command, Configuration } from '../../contract/generated/types.ts';
import type { ChangeKind, FleetMessage, PodReport } from './report.ts';
import type { AgentKey, PodTarget } from './target.ts';

export type ChangeListener = (agentKey: AgentKey, kind: ChangeKind) => void;
/** Called when a pod has seen a higher term than this leader's. */
export type HigherTermListener = (agentKey: AgentKey, term: number) => void;

/** Called with each message of a connected pod that is only for the fleet and changes nothing in the pod's report. */
export type MessageListener = (pod: PodTarget, message: FleetMessage) => void;

/** The links as reconcilers see them. `Links` implements it. */
export interface PodLinks {
  /**
   * Opens links to all targets. Must be called at the beginning of a term. After the signal aborts only `send` sends. After
   * `closing` aborts, every link is closed, and reports and desired configurations are forgotten, because another leader may
   * change them. May be called again after that.
   *
   * @param termOf the term under which this process leads the agent; called whenever it is needed
   * @param closing default: the signal
   */
  open(signal: AbortSignal, termOf: (agentKey: AgentKey) => number, closing?: AbortSignal): void;

  /** Replaces all targets. A pod that is not among them loses its link and its report. */
  setTargets(pods: readonly PodTarget[]): void;

  /** Replaces all targets of one agent. */
  setTargetsOf(agentKey: AgentKey, pods: readonly PodTarget[]): void;

  /**
   * Sets the configuration of all pods of the agent. Connected pods get it now, other pods when they connect. It is not sent
   * to pods that already have its hash, and is repeated with a delay to pods that refused it. Ignored while not open.
   *
   * @param term of the push; a higher `termOf` takes precedence
   */
  setDesired(agentKey: AgentKey, configuration: Configuration, term: number): void;

  /** Announces the agent's term to pods if `termOf` has grown, and pushes configurations that waited for it. */
  termChanged(agentKey: AgentKey): void;

  /** Tells the agent's pods that their namespace is deleted. */
  namespaceDeleted(agentKey: AgentKey): void;

  /** Forgets the agent's desired configuration. Must be called after the deletion of the agent. */
  forget(agentKey: AgentKey): void;

  /** The report of a pod; undefined if it is not a target. */
  podReport(uid: string): PodReport | undefined;

  /** What Kubernetes says of a pod; undefined if it is not a target. */
  targetOf(uid: string): PodTarget | undefined;

  /** The reports of all targets of the agent, connected or not, ordered by the name of the pod. */
  podsOf(agentKey: AgentKey): PodReport[];

  /** Sends a message to a pod. It is lost if the pod is not connected. */
  send(uid: string, command: Command): void;

  /** Calls the listener with each message for the fleet. @returns ends the subscription */
  onMessage(listener: MessageListener): () => void;

  /** Calls the listener after each change of a report or of a target. @returns ends the subscription */
  onChange(listener: ChangeListener): () => void;

  /**
   * Calls the listener when a pod reports a term above `termOf`. The listener must have its term raised above it. If that
   * happens before it returns, the link announces the new term at once. Otherwise `termChanged` or `setDesired` does.
   */
  onHigherTerm(listener: HigherTermListener): () => void;
}
