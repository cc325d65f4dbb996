import type { SealedEvent } from '../../contract/audit.ts';

/** Answer of a pod's /debug/audit. */
export interface AuditPage {
  enabled: boolean;
  events: SealedEvent[];
  /** Number of matching events. Absent: the pod is too old to tell. */
  count?: number;
  /** False if the files contain more than one query searches. */
  searchedAll: boolean;
}

export interface AskedPod {
  pod: string;
  /** An error says why the pod did not answer. */
  page: AuditPage | Error;
}

export interface FoundEvents {
  /** Newest first. */
  events: SealedEvent[];
  /** Number of matching events in the pods that answered. */
  count: number;
  /** Notes on missing events. */
  gaps: string[];
}

/**
 * Joins the answers of an agent's pods.
 * @throws Error when no pod has answered, or none records anything.
 */
export function joinPages(name: string, asked: readonly AskedPod[], limit: number): FoundEvents {
  const silent = asked.filter(({ page }) => page instanceof Error);
  const answered = asked.flatMap(({ pod, page }) => (page instanceof Error ? [] : [{ pod, page }]));
  if (answered.length === 0 && silent[0]) throw silent[0].page as Error;
  if (answered.every(({ page }) => !page.enabled)) {
    throw new Error(`${name} records nothing: set spec.audit of its AgentDeployment.`);
  }
  const events = answered
    .flatMap(({ page }) => page.events)
    .sort((a, b) => b.time - a.time)
    .slice(0, limit);
  const partly = answered.filter(({ page }) => !page.searchedAll);
  return {
    events,
    count: answered.reduce((sum, { page }) => sum + (page.count ?? page.events.length), 0),
    gaps: [
      ...silent.map(
        ({ pod, page }) =>
          `${pod} did not answer, so its events are missing: ${(page as Error).message}`,
      ),
      ...partly.map(
        ({ pod }) =>
          `${pod} has older events than it searches: ask with --since, or read its files.`,
      ),
    ],
  };
}
