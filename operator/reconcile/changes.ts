import type { PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import type { AttachmentLookup, NamespaceAttachment } from './attachments.ts';

/** Changes in one namespace that watches and links report. Agents and policies are names. */
export interface Change {
  namespace: string;
  /** The attachments of policies to agents before and after the change. Absent: the change does not need them. */
  attachments?: readonly (AttachmentLookup & Partial<Pick<NamespaceAttachment, 'agents'>>)[];
  /** Agents that were created or deleted, or whose spec or labels changed. */
  agents?: readonly string[];
  /** Policies that were created or deleted, or whose targets changed. */
  policies?: readonly PolicyRef[];
  /** Policies whose spec changed but not their targets. */
  edited?: readonly PolicyRef[];
  /** Agents with an object in the cluster that changed. */
  children?: readonly string[];
  /** Agents that were reconciled, or whose pods changed or reported. */
  reported?: readonly string[];
  /** Agents and policies where another writer changed only status or metadata. */
  statuses?: { agents?: readonly string[]; policies?: readonly PolicyRef[] };
}

/** Keys of the agents to reconcile. */
export function agentKeys(change: Change): Set<string> {
  const { agents = [], policies = [], edited = [], children = [] } = change;
  return keys(change, [...agents, ...targetsOf(change, [...policies, ...edited]), ...children]);
}

/** Keys of the agents whose status may change. A reconcile of an agent enqueues its status by itself. */
export function agentStatusKeys(change: Change): Set<string> {
  const { agents = [], policies = [], reported = [], statuses } = change;
  const targets = targetsOf(change, policies);
  return keys(change, [...agents, ...targets, ...reported, ...(statuses?.agents ?? [])]);
}

/**
 * Keys of the policies of one kind whose status may change. A policy may gain or lose a target, and may take one over
 * from another policy or lose one to it. The reconcile of its agents enqueues the status of an edited policy, unless
 * all of them are being deleted and are no longer reconciled.
 */
export function policyStatusKeys(kind: PolicyKind, change: Change): Set<string> {
  const { attachments = [], agents = [], policies = [], edited = [], reported = [] } = change;
  const own = [
    ...policies,
    ...(change.statuses?.policies ?? []),
    ...edited.filter((policy) =>
      targetsOf(change, [policy]).every((name) => isDeleted(change, name)),
    ),
  ].filter((policy) => policy.kind === kind);
  const affected = new Set([...agents, ...targetsOf(change, policies), ...reported]);
  return keys(change, [
    ...own.map(({ name }) => name),
    ...[...affected].flatMap((agent) =>
      attachments.flatMap((each) => each.policiesOf(kind, agent)),
    ),
  ]);
}

function targetsOf({ attachments = [] }: Change, policies: readonly PolicyRef[]): string[] {
  return policies.flatMap(({ kind, name }) =>
    attachments.flatMap((attachment) => attachment.targetsOf(kind, name)),
  );
}

function isDeleted({ attachments = [] }: Change, agent: string): boolean {
  return attachments.every(
    ({ agents }) => agents?.get(agent)?.agent.metadata.deletionTimestamp !== undefined,
  );
}

function keys({ namespace }: Change, names: readonly string[]): Set<string> {
  return new Set(names.map((name) => `${namespace}/${name}`));
}
