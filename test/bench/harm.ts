/**
 * `make bench-harm` asks whether a client is ever served less with Breakwater than without it. Clients that retry as
 * the SDK for TypeScript does ask a provider directly, and the same provider through a pod with the defaults, in
 * virtual time. Each scenario is a fault of 600 s after 30 s of health, alone and with a healthy fallback, at 2, 10 and
 * 40 requests/s; faults at random also meet a fresh pod. 2/s is only shown: less than LEAST_RATE counts in no figure.
 * PODS=10 pods play each, and their sums count. RATES=10 plays other rates. ONLY plays the scenarios whose names contain
 * it, and draws nothing. Then, unless ENVOY=0, Envoy takes part for eleven minutes over real sockets: retries, retry
 * budget, outlier detection and priorities as its documentation advises. It meets the scenarios at the least rate that
 * counts. All of it takes about an hour on two idle cores; PODS=1 RATES=10 ENVOY=0 takes minutes.
 *
 * harm_worst: least ratio of requests served, through ÷ direct, where direct serves any, without the outage alone.
 * harm_outage: the same of the outage alone; an open circuit misses the first seconds of a recovery.
 * harm_mean: mean of these ratios, in which a fault at random counts once for all its percentages; harm_mean_alone and
 * harm_mean_fallback, its parts.
 * harm_calls: calls of providers in all scenarios, through ÷ direct.
 * harm_calls_served: calls of providers for each request served, through ÷ direct, in the worst scenario.
 * harm_vs_envoy: mean share of the requests that are served, ours ÷ Envoy's; harm_envoy_worst: least share, ÷
 * direct.
 *
 * It writes docs/images/harm.svg, the table of all scenarios, and docs/images/served.svg, some of them as bars.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { playThroughEnvoy } from './harm/envoy.ts';
import type { Played, Variant } from './harm/play.ts';
import { picture } from './harm/picture.ts';
import { drawServed } from './harm/served.ts';
import { SCENARIOS } from './harm/scenarios.ts';
import { callsPerServed, figuresOf, shareRatio, variantName } from './harm/table.ts';
import type { Row } from './harm/table.ts';
import type { Task } from './harm/worker.ts';
import { playAll } from './harm/workers.ts';

const { PODS = '10', RATES = '2,10,40', ONLY = '', ENVOY = '1' } = process.env;
const pods = Number(PODS);
const rates = RATES.split(',').map(Number);
/** Requests per second from which on a rate counts in the figures. */
const LEAST_RATE = 10;

const rows: Row[] = SCENARIOS.filter(({ name }) => name.includes(ONLY)).flatMap((scenario) => {
  const variants: Variant[] = (scenario.rate === undefined ? rates : [scenario.rate]).flatMap(
    (rate) =>
      [false, true].flatMap((fallback) =>
        (scenario.fresh === true ? [false, true] : [false]).map((fresh) => ({
          ...{ rate, fallback, fresh },
        })),
      ),
  );
  return variants
    .filter(({ fallback }) => fallback || scenario.directTo === undefined)
    .map((variant) => ({
      ...{ scenario: scenario.name, variant },
      direct: { asked: 0, served: 0, calls: 0 },
      through: { asked: 0, served: 0, calls: 0 },
    }));
});

function add(sum: Played, { asked, served, calls }: Played): void {
  sum.asked += asked;
  sum.served += served;
  sum.calls += calls;
}

const tasks: Task[] = rows.flatMap(({ scenario, variant }, id) =>
  Array.from({ length: pods }, (_, pod) => ({ id, scenario, variant, seed: pod + 1 })),
);
const open = rows.map(() => pods);

await playAll(tasks, ({ id, direct, through }) => {
  const row = rows[id]!;
  add(row.direct, direct);
  add(row.through, through);
  open[id]! -= 1;
  if (open[id] === 0) print(row);
});

function print(row: Row, name = ''): void {
  const { scenario, variant, direct, through } = row;
  const share = ({ asked, served }: Played): string =>
    `${((100 * served) / asked).toFixed(1)} %`.padStart(8);
  process.stdout.write(
    `${name === '' ? '' : name.padEnd(6)}${scenario.padEnd(34)} ${variantName(variant).padEnd(22)}` +
      `${share(direct)} ->${share(through)}  ${(shareRatio(row) ?? NaN).toFixed(3)}` +
      `  calls per served ${(callsPerServed(row) ?? NaN).toFixed(2)}\n`,
  );
}

const ownRate = new Set(SCENARIOS.filter(({ rate }) => rate !== undefined).map(({ name }) => name));
const counted = rows.filter(
  ({ scenario, variant: { rate } }) => rate >= LEAST_RATE || ownRate.has(scenario),
);
const figures = figuresOf(counted);
const figure = (name: string, value: number): void => {
  // ONLY may leave out the scenarios of a figure.
  if (!Number.isFinite(value)) return;
  process.stdout.write(`figure harm_${name} ${value.toFixed(3)} ratio\n`);
};
figure('worst', figures.worst);
figure('outage', figures.outage);
figure('mean', figures.mean);
figure('mean_alone', figures.meanAlone);
figure('mean_fallback', figures.meanFallback);
figure('calls', figures.calls);
figure('calls_served', figures.callsServed);
if (ENVOY !== '0') {
  const least = Math.min(...rates.filter((rate) => rate >= LEAST_RATE));
  const met = counted.filter(({ variant: { rate, fresh } }) => !fresh && rate <= least);
  const scenes = met.map(({ scenario, variant: { rate, fallback } }) => ({
    ...{ rate, fallback },
    scenario: SCENARIOS.find(({ name }) => name === scenario)!,
  }));
  const played = await playThroughEnvoy(scenes);
  const ours = met.reduce((sum, { through }) => sum + through.served / through.asked, 0);
  const theirs = met.map((row, index) => ({ ...row, through: played[index]! }));
  for (const row of theirs) print(row, 'envoy');
  const envoy = theirs.reduce((sum, { through }) => sum + through.served / through.asked, 0);
  figure('vs_envoy', ours / envoy);
  figure('envoy_worst', Math.min(...theirs.map((row) => shareRatio(row) ?? Infinity)));
}
if (ONLY === '') {
  await writeFile(join(import.meta.dirname, '../../docs/images/harm.svg'), picture(rows, pods));
  drawServed();
}
