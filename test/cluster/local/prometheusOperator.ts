import { copyFile, mkdir } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildOnce, cacheDirectory } from '../common/cache.ts';
import { run, which } from '../common/command.ts';
import { step } from '../common/step.ts';

const MODULE = 'github.com/prometheus-operator/prometheus-operator';
const DIRECTORY = join(import.meta.dirname, 'prometheusOperator');
const CRDS = ['servicemonitors', 'prometheusrules'] as const;

/** Paths of prometheus-operator's own definitions of ServiceMonitor and PrometheusRule, from its Go module. */
export async function prometheusOperatorDefinitions(): Promise<string[]> {
  const sums = readFileSync(join(DIRECTORY, 'go.sum'));
  const key = createHash('sha256').update(sums).digest('hex').slice(0, 12);
  const directory = join(cacheDirectory(), 'crds', `prometheus-operator-${key}`);
  await buildOnce(directory, fetchInto);
  return CRDS.map((plural) => join(directory, fileOf(plural)));
}

async function fetchInto(directory: string): Promise<void> {
  if (which('go') === undefined)
    throw new Error('no Go: install Go 1.25 or newer (https://go.dev/dl) and put it on the PATH');
  await step("Downloading prometheus-operator's CRDs (first time only)", async () => {
    const env = { ...process.env, GOFLAGS: '-mod=readonly' };
    const answer = await run('go', ['mod', 'download', '-json', MODULE], { cwd: DIRECTORY, env });
    const { Dir } = JSON.parse(answer) as { Dir: string };
    await mkdir(directory, { recursive: true });
    for (const file of CRDS.map(fileOf))
      await copyFile(join(Dir, 'example', 'prometheus-operator-crd', file), join(directory, file));
  });
}

const fileOf = (plural: string): string => `monitoring.coreos.com_${plural}.yaml`;
