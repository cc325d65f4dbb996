import { join } from 'node:path';
import type { KubernetesObject } from '../../crds/meta.ts';
import { binaries, type Module } from '../cluster/local/binaries.ts';
import { run } from '../cluster/common/command.ts';

const KSTATUS: Module = {
  title: 'Building kstatus (first time only, about 1 minute)',
  directory: join(import.meta.dirname, 'kstatus'),
  packages: ['.'],
};

export interface Verdict {
  status: 'Current' | 'InProgress' | 'Failed' | 'Terminating' | 'NotFound' | 'Unknown';
  message: string;
}

/** Directory with the program kstatus. */
export function kstatusBinaries(): Promise<string> {
  return binaries(KSTATUS);
}

/**
 * The status of each object by kstatus, which Flux and Helm use.
 *
 * @throws Error with the output of kstatus if it cannot judge an object
 */
export async function kstatus(objects: readonly KubernetesObject[]): Promise<Verdict[]> {
  const program = join(await kstatusBinaries(), 'kstatus');
  const input = objects.map((object) => JSON.stringify(object)).join('\n');
  const lines = (await run(program, [], { input })).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Verdict);
}
