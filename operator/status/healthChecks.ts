import type { HealthCheckStatus } from '../../contract/generated/types.ts';
import type { AgentDeployment, AgentDeploymentStatus } from '../../crds/generated/types.ts';
import { livePods } from './circuits.ts';
import type { AgentObservation } from './observations.ts';

/** State of a health check in the agent's pods. */
export type ShownCheck = NonNullable<AgentDeploymentStatus['healthChecks']>[number];

/** The spec's health checks in order, with the reports of live, connected pods. */
export function healthChecksOf(
  { spec }: Pick<AgentDeployment, 'spec'>,
  observation: AgentObservation,
): ShownCheck[] {
  const reported = livePods(observation)
    .filter(({ connected }) => connected)
    .flatMap(({ snapshot }) => snapshot?.healthChecks ?? []);
  return (spec.healthChecks ?? []).map(({ name, critical }) =>
    shown(
      { name, critical },
      reported.filter((each) => each.name === name),
    ),
  );
}

function shown(
  { name, critical }: Pick<ShownCheck, 'name' | 'critical'>,
  reported: readonly HealthCheckStatus[],
): ShownCheck {
  const failing = reported.filter(({ state }) => state === 'Failing');
  const passing = reported.some(({ state }) => state === 'Passing');
  const reason = failing[0]?.reason;
  return {
    ...{ name, critical },
    state: failing.length > 0 ? 'Failing' : passing ? 'Passing' : 'Unknown',
    failingPods: failing.length,
    ...(reason !== undefined && { reason }),
  };
}

const WHY: Record<NonNullable<ShownCheck['reason']>, string> = {
  Timeout: 'it took too long',
  Connection: 'there was no connection',
  BadStatus: 'the status of the answer was not from 200 to 399',
};

/** Explains a failing check. */
export function describeCheck({ name, critical, failingPods, reason }: ShownCheck): string {
  const why = reason === undefined ? '' : `: ${WHY[reason]}`;
  const unready = critical ? ' They are unready, because the check is critical.' : '';
  return `The health check ${name} fails in ${failingPods} pods${why}.${unready}`;
}
