/**
 * `make bench-fleet` measures circuits and limits of the fleet. The files in fleet/ say what each figure is.
 *
 * Usage: node test/bench/fleet.ts [simulated|added|operator|cluster...], by default all of them.
 */
import { addedFigures } from './fleet/added.ts';
import { circuitFigures } from './fleet/circuits.ts';
import { clusterFigures } from './fleet/cluster.ts';
import { limitFigures } from './fleet/limits.ts';
import { operatorFigures } from './fleet/operator.ts';

const PARTS: Readonly<Record<string, () => Promise<object>>> = {
  simulated: async () => ({ ...(await limitFigures()), ...circuitFigures() }),
  added: addedFigures,
  operator: operatorFigures,
  cluster: clusterFigures,
};

/** The unit of figures whose name contains the word. The first match counts. */
const UNITS: Readonly<Record<string, string>> = {
  utilisation: 'ratio',
  overrun: 'tokens',
  seconds: 's',
  probes: 'probes',
  added: 'ms',
  share: 'cores',
  messages: 'per s',
  calls: 'calls',
};

const chosen = process.argv.slice(2);
for (const part of chosen.length > 0 ? chosen : Object.keys(PARTS)) {
  const figures = PARTS[part];
  if (figures === undefined) throw new Error(`parts are ${Object.keys(PARTS).join(', ')}`);
  for (const [name, value] of Object.entries(await figures()) as [string, number][]) {
    process.stdout.write(`figure ${name} ${Number(value.toPrecision(3))} ${unitOf(name)}\n`);
  }
}

function unitOf(name: string): string {
  return Object.entries(UNITS).find(([word]) => name.includes(word))?.[1] ?? '';
}
