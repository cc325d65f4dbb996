import type { ConditionDraft } from '../desired/common/condition.ts';
import {
  byModel,
  circuitName,
  circuitOf,
  reasonOf,
  severity,
  worstState,
  type PodCircuit,
  type WorstState,
} from './circuits.ts';
import { describeGate, type DependencyGate } from './gates.ts';
import { describeCheck, type ShownCheck } from './healthChecks.ts';
import { describeWithheld, type ShownServer } from './mcpServers.ts';

const MAX_NAMED = 8;

/**
 * The condition DependenciesHealthy. It is True if in every reporting pod all circuits are closed, no gate holds calls
 * back, no health check fails and no tools are withheld.
 */
export function dependenciesHealthy(
  seen: readonly PodCircuit[],
  gates: readonly DependencyGate[],
  checks: readonly ShownCheck[],
  servers: readonly ShownServer[],
): ConditionDraft {
  const type = 'DependenciesHealthy';
  const state = worstState(seen);
  const shut = gates.filter(({ gate }) => gate !== 'None');
  if (state === 'Unknown') {
    const message = 'No connected pod reports its circuits.';
    return { type, status: 'Unknown', reason: 'NoReports', message };
  }
  const failing = checks.filter((check) => check.state === 'Failing');
  const withheld = servers.filter(({ withheldPods }) => withheldPods > 0);
  if (state === 'Closed' && shut.length + failing.length + withheld.length === 0) {
    return { type, status: 'True', reason: 'Healthy', message: 'Every circuit is closed.' };
  }
  const circuits =
    state === 'Closed'
      ? []
      : [
          `${troubled(seen)} The pods try again on their own; if it lasts, look at the dependency itself.`,
        ];
  return {
    type,
    status: 'False',
    reason:
      REASONS[state] ??
      shut[0]?.gate ??
      (failing.length > 0 ? 'HealthCheckFailing' : 'ToolsWithheld'),
    message: [
      ...circuits,
      ...shut.slice(0, MAX_NAMED).map(describeGate),
      ...failing.slice(0, MAX_NAMED).map(describeCheck),
      ...withheld.slice(0, MAX_NAMED).map(describeWithheld),
    ].join(' '),
  };
}

const REASONS: Partial<Record<WorstState, string>> = {
  Open: 'CircuitOpen',
  HalfOpen: 'CircuitHalfOpen',
};

const WORDS: Record<WorstState, string> = {
  Open: 'is open',
  HalfOpen: 'is half-open',
  Closed: 'is closed',
  Unknown: 'is unknown',
};

function troubled(seen: readonly PodCircuit[]): string {
  return byModel(seen)
    .map((group) => ({ group, circuit: circuitOf(group) }))
    .filter(({ circuit }) => severity(circuit.state) > severity('Closed'))
    .sort((a, b) => severity(b.circuit.state) - severity(a.circuit.state))
    .slice(0, MAX_NAMED)
    .map(({ group, circuit }) => {
      const why = reasonOf(group.seen, circuit.state);
      const because = why === undefined ? '' : `: ${why}`;
      return `The circuit of ${circuitName(circuit)} ${WORDS[circuit.state]} in ${circuit.pods} pods${because}.`;
    })
    .join(' ');
}
