import { join } from 'node:path';

/** In a checkout the programs are modules, in the package each is one file beside the bundle that this is part of. */
const SOURCE = import.meta.filename.endsWith('.ts');

/** Main modules of the programs that run beside the command. */
export const PROGRAMS = {
  runtime: join(import.meta.dirname, SOURCE ? 'runtimeChild.ts' : 'runtime.js'),
  simulator: join(import.meta.dirname, SOURCE ? '../simulator/child.ts' : 'simulator.js'),
};
