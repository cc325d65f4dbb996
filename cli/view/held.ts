import type { AgentDeployment } from '../../crds/generated/types.ts';

/** A client or an address that is throttled or blocked for an incident. */
export interface Held {
  /** Client or address, such as client alice or address 192.0.2.1. */
  who: string;
  state: 'Throttled' | 'Blocked';
  pods: number;
  /** RFC 3339. */
  since: string;
  /** RFC 3339. Absent: until the incident closes. */
  until?: string;
  /** Reason, such as BruteForceAttack of level High, incident 7d0c…. */
  why: string;
}

/** The responses to incidents in the status. */
export function held({ status }: AgentDeployment): Held[] {
  return (status?.security?.responses ?? []).map((response) => {
    const { action, client, source, type, level, incident, pods, since, until } = response;
    return {
      who: client === undefined ? `address ${source ?? 'unknown'}` : `client ${client}`,
      state: action === 'Block' ? 'Blocked' : 'Throttled',
      ...{ pods, since },
      ...(until !== undefined && { until }),
      why: `${type} of level ${level}, incident ${incident}`,
    };
  });
}
