import type { PolicyKind, PolicyRef } from '../desired/policies/attachment.ts';
import type { LastLook, NamespaceAttachment } from './attachments.ts';

/** What watches and links noticed in one namespace. Agents and policies go by their names. */
export interface Change {
  namespace: string;
  /** How policies are attached to agents now, and how they were before if that differs. Absent: it plays no part. */
  attachments?: readonly (LastLook & Partial<Pick<NamespaceAttachment, 'agents'>>)[];
  /** Agents that came, went, or have another spec or other labels. */
  agents?: readonly string[];
  /** Policies that came, went, or apply to something else than before. */
  policies?: readonly PolicyRef[];
  /** Policies with another spec that apply to the same as before. */
  edited?: readonly PolicyRef[];
  /** Agents of which an object in the cluster changed. */
  children?: readonly string[];
  /** Agents whose pods changed or reported something, or that were reconciled. */
  reported?: readonly string[];
  /** Agents and policies of which somebody else changed nothing but the status or bookkeeping. */
  statuses?: { agents?: readonly string[]; policies?: readonly PolicyRef[] };
}

/** The agents to reconcile. */
export function agentKeys(change: Change): Set<string> {
  const { agents = [], policies = [], edited = [], children = [] } = change;
  return keys(change, [...agents, ...targetsOf(change, [...policies, ...edited]), ...children]);
}

/** The agents whose status to look at. The reconcile of an agent ends with a look at its status. */
export function agentStatusKeys(change: Change): Set<string> {
  const { agents = [], policies = [], reported = [], statuses } = change;
  const targets = targetsOf(change, policies);
  return keys(change, [...agents, ...targets, ...reported, ...(statuses?.agents ?? [])]);
}

/**
 * The policies of one kind whose status to look at. A policy may have found or lost a target, or won or lost one by
 * what another policy does. For an edited policy the reconcile of its agents asks, unless all of them are on their way
 * out and not reconciled any more.
 */
export function policyStatusKeys(kind: PolicyKind, change: Change): Set<string> {
  const { attachments = [], agents = [], policies = [], edited = [], reported = [] } = change;
  const own = [
    ...policies,
    ...(change.statuses?.policies ?? []),
    ...edited.filter((policy) => targetsOf(change, [policy]).every((name) => leaves(change, name))),
  ].filter((policy) => policy.kind === kind);
  const around = new Set([...agents, ...targetsOf(change, policies), ...reported]);
  return keys(change, [
    ...own.map(({ name }) => name),
    ...[...around].flatMap((agent) => attachments.flatMap((each) => each.policiesOf(kind, agent))),
  ]);
}

function targetsOf({ attachments = [] }: Change, policies: readonly PolicyRef[]): string[] {
  return policies.flatMap(({ kind, name }) =>
    attachments.flatMap((attachment) => attachment.targetsOf(kind, name)),
  );
}

function leaves({ attachments = [] }: Change, agent: string): boolean {
  return attachments.every(
    ({ agents }) => agents?.get(agent)?.agent.metadata.deletionTimestamp !== undefined,
  );
}

function keys({ namespace }: Change, names: readonly string[]): Set<string> {
  return new Set(names.map((name) => `${namespace}/${name}`));
}
