/** Measures what pods share; `make bench-fleet`. The files in fleet/ say what each figure is. */
import { circuitFigures } from './fleet/circuits.ts';

for (const [name, value] of Object.entries(circuitFigures())) {
  process.stdout.write(`figure ${name} ${value}\n`);
}
