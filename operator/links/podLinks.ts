import type { Command, Configuration, Report } from '../../contract/generated/types.ts';
import type { ChangeKind, PodReport } from './report.ts';
import type { AgentKey, PodTarget } from './target.ts';

export type ChangeListener = (agentKey: AgentKey, kind: ChangeKind) => void;
/** A pod has seen a term above the one that this leader has for the agent. */
export type HigherTermListener = (agentKey: AgentKey, term: number) => void;

/** Hears each message of connected pods, after it is merged into the pod's report. */
export type MessageListener = (pod: PodTarget, message: Report) => void;

/** Hears that a pod has proven who it is on a new link, or that it has no link any more. */
export type LinkListener = (pod: PodTarget, connected: boolean) => void;

/** What the owner of the links, the reconciler, sees of them. `Links` implements it. */
export interface PodLinks {
  /**
   * Opens links to all targets. To be called when leadership is gained. When the signal aborts
   * nothing but `send` sends any more. When `closing` aborts every link is closed, and reports and
   * desired configurations are forgotten, since another leader may change things meanwhile. May be
   * called again after that.
   *
   * @param termOf the term in which this process leads the agent; asked whenever it is needed
   * @param closing default: the signal
   */
  open(signal: AbortSignal, termOf: (agentKey: AgentKey) => number, closing?: AbortSignal): void;

  /** All pods of all agents, each time. The link and report of a pod that is missing go away. */
  setTargets(pods: readonly PodTarget[]): void;

  /** The same for one agent: all pods of it, each time. Those of other agents stay as they are. */
  setTargetsOf(agentKey: AgentKey, pods: readonly PodTarget[]): void;

  /**
   * Makes this the configuration that every connected pod of the agent must have, and that pods
   * which connect later get at once. Pods that already have its hash are not sent it. A pod that
   * refused it is sent it again only after a while. Ignored while not open.
   *
   * @param term the term to push under; a higher `termOf` wins
   */
  setDesired(agentKey: AgentKey, configuration: Configuration, term: number): void;

  /** Announces the agent's term anew where `termOf` has grown, and pushes what waited for it. */
  termChanged(agentKey: AgentKey): void;

  /** Forgets the agent's desired configuration; to be called when the agent is gone. */
  forget(agentKey: AgentKey): void;

  /** What is known of a pod; undefined when it is not a target. */
  podReport(uid: string): PodReport | undefined;

  /** What is known of each target of the agent, whether connected or not, by pod name. */
  podsOf(agentKey: AgentKey): PodReport[];

  /** Sends a message to a pod; one that is not connected misses it. */
  send(uid: string, command: Command): void;

  /** Calls the listener with each message; returns how to stop that. */
  onMessage(listener: MessageListener): () => void;

  /** Calls the listener for each link; returns how to stop that. */
  onLink(listener: LinkListener): () => void;

  /** Calls the listener after each change; returns how to stop that. */
  onChange(listener: ChangeListener): () => void;

  /**
   * Calls the listener when a pod shows a term above `termOf`. The owner raises its term above
   * it; if it does so before returning, the link announces it at once, else `termChanged` or
   * `setDesired` tells the links.
   */
  onHigherTerm(listener: HigherTermListener): () => void;
}
