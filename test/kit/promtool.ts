import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { run } from '../cluster/common/command.ts';
import { promtoolBinaries } from '../cluster/local/binaries.ts';

/** The fields of a PrometheusRule that are used here. */
export interface Rules {
  spec: { groups: { name: string; rules: { alert?: string; expr: string }[] }[] };
}

/** The alerts on the operator itself in config/prometheus. */
export function operatorRules(): Rules {
  const file = join(import.meta.dirname, '../../config/prometheus/prometheus.yaml');
  const objects = parseAllDocuments(readFileSync(file, 'utf8')).map(
    (document) => document.toJS() as Rules & { kind: string },
  );
  return objects.find(({ kind }) => kind === 'PrometheusRule')!;
}

/** Checks rules by promtool. Throws an Error with its output. */
export async function checkRules(rules: Rules): Promise<void> {
  await withRules(rules, (promtool, directory) =>
    run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', join(directory, 'rules.yaml')]),
  );
}

/** Runs unit tests of rules by promtool. The file must name the rules rules.yaml. Throws an Error with its output. */
export async function testRules(rules: Rules, tests: string): Promise<void> {
  await withRules(rules, async (promtool, directory) => {
    const copy = join(directory, basename(tests));
    await copyFile(tests, copy);
    await run(promtool, ['test', 'rules', copy]);
  });
}

async function withRules(
  { spec }: Rules,
  use: (promtool: string, directory: string) => Promise<unknown>,
): Promise<void> {
  const promtool = join(await promtoolBinaries(), 'promtool');
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-rules-'));
  try {
    await writeFile(join(directory, 'rules.yaml'), stringify({ groups: spec.groups }));
    await use(promtool, directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
