import type { AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { strictestAction, type ShownSecurity } from './security.ts';

/**
 * Names of fields with figures, at any depth: they may change all the time while no state does. That a field is there is a
 * state.
 */
const FIGURES = new Set([
  ...['lastFailure', 'lastError', 'nextProbe', 'until', 'votes'],
  ...['servedPercent', 'usedPercent', 'used', 'rejected', 'granted', 'held', 'leader'],
  ...['audit', 'security'],
]);

/**
 * Times in a message of a condition, such as the end of a gate, and shares of pods, such as 2/3. Where a share matters at
 * once, a field has it too.
 */
const IN_MESSAGES = /\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+\/\d+\b/g;

/** The status of any kind without its figures: states, conditions, transitions, generations and the verdict on attacks. */
export function withoutFigures(status: object): unknown {
  const { security } = status as AgentDeploymentStatus;
  return [pruned(status), verdictOn(security)];
}

/**
 * An attacker chooses how often incidents come. So only the level, the first incident of each type and the strictest
 * action are more than figures.
 */
function verdictOn(security: ShownSecurity | undefined): unknown {
  const types = security?.counts?.map(({ type }) => type) ?? [];
  return [security?.level, types, strictestAction(security)];
}

function pruned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pruned);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, part]) => [field, prunedField(field, part)]),
  );
}

function prunedField(field: string, value: unknown): unknown {
  if (FIGURES.has(field)) return true;
  return field === 'message' && typeof value === 'string'
    ? value.replaceAll(IN_MESSAGES, '')
    : pruned(value);
}
