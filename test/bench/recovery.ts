/**
 * `make bench-recovery` plays an outage to the real guards of 100 pods, in virtual time. Each pod gets 5 requests/s.
 * The provider could serve 1,000/s. It is down for 300 s, then has 20 % of its capacity, which grows to all of it in
 * 60 s. It answers requests beyond its capacity with 529 at once. A healthy answer takes 3 s. It is streamed only in
 * the figures with `streamed`, where its first token comes after 1 s. Nothing retries.
 *
 * recovery_probes_per_second_max: the most probes of half-open circuits of all pods in one second.
 * recovery_seconds: from the end of the outage until 95 % of the requests of a second are served, and of every later
 * second.
 * recovery_refused: requests that circuits refused in the 120 s after the outage. overloaded: 529 answers of the
 * provider in that time.
 * recovery_returned_percent: pods with a fallback that call their primary again in time in S15 of the bench of faults,
 * with the default policy and with an openDuration of 15s.
 *
 * It writes docs/images/recovery.svg: the states of the circuits and the served requests, with the default policy and
 * with that of earlier versions in the same simulation: 60s growing to 10m, no jitter and no queue.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CIRCUIT_BREAKER_POLICY_DEFAULTS } from '../../crds/generated/defaults.ts';
import { resolveCircuit } from '../../operator/desired/policies/circuit.ts';
import type { Circuit } from '../../contract/generated/types.ts';
import { picture } from './recovery/picture.ts';
import { returning } from './recovery/returning.ts';
import { OUTAGE, Simulation } from './recovery/simulation.ts';
import type { Recovery, Second, Variant } from './recovery/simulation.ts';

const WATCHED_SECONDS = 120;
const SERVED = 0.95;

const DEFAULT: Circuit = resolveCircuit('model/primary', undefined, 60_000);
const { queueTimeout } = CIRCUIT_BREAKER_POLICY_DEFAULTS.halfOpen;

const VARIANTS: Record<string, Variant> = {
  '': { circuit: DEFAULT, jitter: true },
  streamed: { circuit: DEFAULT, jitter: true, streamed: true },
  max_open_10m: { circuit: { ...DEFAULT, maxOpenDurationMs: 600_000 }, jitter: true },
  ramp_up_30s: { circuit: { ...DEFAULT, recovery: { rampUpMs: 30_000 } }, jitter: true },
  before: {
    circuit: {
      ...DEFAULT,
      openDurationMs: 60_000,
      maxOpenDurationMs: 600_000,
      halfOpen: { ...DEFAULT.halfOpen, queueTimeoutMs: 0 },
    },
    jitter: false,
  },
};

const after = (seconds: Second[]): Second[] =>
  seconds.slice(OUTAGE.to, OUTAGE.to + WATCHED_SECONDS);
const sum = (seconds: Second[], what: keyof Second): number =>
  seconds.reduce((all, second) => all + second[what], 0);

/** Infinity if the agent does not recover within the simulation. */
function recoverySeconds(seconds: Second[]): number {
  const late = seconds
    .slice(OUTAGE.to)
    .findLastIndex(({ asked, served }) => served < SERVED * asked);
  return late + 1 >= seconds.length - OUTAGE.to ? Infinity : late + 1;
}

function print(name: string, { seconds }: Recovery): void {
  const figure = (what: string, value: number, unit: string): void => {
    process.stdout.write(
      `figure recovery_${what}${name && `_${name}`} ${Number.isFinite(value) ? value : 'never'} ${unit}\n`,
    );
  };
  figure('probes_per_second_max', Math.max(...seconds.map(({ probes }) => probes)), 'probes');
  figure('seconds', recoverySeconds(seconds), 's');
  figure('refused', sum(after(seconds), 'refused'), 'requests');
  figure('overloaded', sum(after(seconds), 'overloaded'), 'answers');
}

const runs: Record<string, Recovery> = {};
for (const [name, variant] of Object.entries(VARIANTS)) {
  runs[name] = await new Simulation(variant).run();
  print(name, runs[name]);
}
const SHORT: Circuit = { ...DEFAULT, openDurationMs: 15_000, maxOpenDurationMs: 15_000 };
process.stdout.write(`figure recovery_returned_percent ${returning(DEFAULT)} %\n`);
process.stdout.write(`figure recovery_returned_percent_open_15s ${returning(SHORT)} %\n`);
process.stdout.write(`Requests waited for probes up to ${queueTimeout}.\n`);
const path = join(import.meta.dirname, '../../docs/images/recovery.svg');
await writeFile(path, picture(runs['before']!, runs['']!));
