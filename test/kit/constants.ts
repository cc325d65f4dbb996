import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = join(import.meta.dirname, '../../docs/reference/constants.md');

/** The values that docs/reference/constants.md states, by the names of the constants. */
export function statedConstants(): Record<string, string> {
  const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| `([\w.]+)` +\| ([^|]*?) +\|/gm);
  return Object.fromEntries(
    Array.from(rows, ([, name, value]): [string, string] => [name!, value!]),
  );
}
