import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Text of a definition in this directory. The single executable has the texts in place of this module. */
export function readDefinition(plural: string): string {
  return readFileSync(join(import.meta.dirname, `${plural}.yaml`), 'utf8');
}
