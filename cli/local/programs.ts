import { join } from 'node:path';

/** The programs are modules in a checkout. In the package each is a file beside the bundle with this module. */
const SOURCE = import.meta.filename.endsWith('.ts');

/** Main modules of the programs that run beside the command. */
export const PROGRAMS = {
  runtime: join(import.meta.dirname, SOURCE ? 'runtimeChild.ts' : 'runtime.js'),
  simulator: join(import.meta.dirname, SOURCE ? '../simulator/child.ts' : 'simulator.js'),
};
