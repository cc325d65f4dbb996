import type { Health } from '../../contract/generated/program.ts';
import type { HealthCheckStatus } from '../../contract/generated/types.ts';
import type { Clock } from '../guard/clock.ts';
import { checked, invalid } from './checks.ts';
import type { LocalAnswer, LocalRoutes } from './localServer.ts';

/** Dependencies whose health the program may report. */
export const PROGRAM_HEALTH_NAMES = 16;
/** Time for which a report holds that names none, in seconds. */
const DEFAULT_TTL = 60;

const NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

interface Reported {
  state: Health['state'];
  critical: boolean;
  /** RFC 3339. */
  since: string;
  /** When it is no longer believed, on the monotonic clock. */
  staleAt: number;
}

/** The health of what the program depends on, as it reports it. */
export class HealthReports {
  readonly #clock: Pick<Clock, 'now' | 'date'>;
  readonly #reported = new Map<string, Reported>();

  constructor(clock: Pick<Clock, 'now' | 'date'>) {
    this.#clock = clock;
  }

  /** A report that is too old fails. */
  statuses(): HealthCheckStatus[] {
    const now = this.#clock.now();
    return Array.from(this.#reported, ([name, { state, critical, since, staleAt }]) => ({
      name: `program/${name}`,
      critical,
      since,
      ...(now >= staleAt ? { state: 'Failing', reason: 'Timeout' } : { state }),
    }));
  }

  routes(): LocalRoutes {
    return {
      'PUT /v1/health/*': {
        answer: ({ name }, bytes) => {
          const given = checked('Health', bytes);
          return 'failure' in given ? given : this.#note(name, given.body);
        },
      },
    };
  }

  #note(
    name: string,
    { state, critical = false, ttl = DEFAULT_TTL }: Health,
  ): LocalAnswer | undefined {
    if (!NAME.test(name)) {
      return invalid('The name may have 63 letters, digits, dots, dashes and underscores.');
    }
    const before = this.#reported.get(name);
    if (!before && this.#reported.size >= PROGRAM_HEALTH_NAMES) {
      return invalid(`A program reports the health of ${PROGRAM_HEALTH_NAMES} names at most.`);
    }
    const since = before?.state === state ? before.since : this.#clock.date().toISOString();
    const staleAt = this.#clock.now() + 1000 * ttl;
    this.#reported.set(name, { state, critical, since, staleAt });
    return undefined;
  }
}
