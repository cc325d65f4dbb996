/** Measures what pods share; `make bench-fleet`. The files in fleet/ say what each figure is. */
import { circuitFigures } from './fleet/circuits.ts';
import { limitFigures } from './fleet/limits.ts';

for (const [name, value] of Object.entries({ ...(await limitFigures()), ...circuitFigures() })) {
  process.stdout.write(`figure ${name} ${Number(value.toPrecision(3))} ${unitOf(name)}\n`);
}

function unitOf(name: string): string {
  if (name.includes('utilisation')) return 'ratio';
  if (name.includes('overrun')) return 'tokens';
  if (name.includes('seconds')) return 's';
  return name.includes('probes') ? 'probes' : 'calls';
}
