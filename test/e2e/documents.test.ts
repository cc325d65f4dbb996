import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { runnableBlocks } from '../kit/documents.ts';
import { Kubectl } from '../kit/kubectl.ts';
import { ROOT } from '../kit/platform.ts';
import { readSite } from './site.ts';

jest.setTimeout(180_000);

const PAGE = 'docs/first-hour.md';
const NAMESPACE = 'first-hour';

/** Like a reader's shell, except that it ends at the first failed command, and ends what it has started. */
const SHELL = `set -euo pipefail
trap 'kill $(jobs -p) 2> /dev/null || true' EXIT
`;

let kubectl: Kubectl;
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'documents-'));
  await symlink(join(ROOT, 'cli/breakwater.js'), join(directory, 'kubectl-breakwater'));
  const { KUBECONFIG, PATH } = readSite().environment;
  const path = [directory, join(ROOT, 'node_modules/.bin'), PATH].join(':');
  kubectl = new Kubectl({ KUBECONFIG, PATH: path });
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
});

afterAll(async () => {
  await kubectl.run(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
  await rm(directory, { recursive: true });
});

it(`the cluster does what ${PAGE} says`, async () => {
  const blocks = runnableBlocks(PAGE);
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  const script = SHELL + blocks.map(({ at, text }) => `echo "## ${at}"\n${text}\n`).join('');
  const { code, stdout, stderr } = await kubectl.exec('bash', ['-s'], {
    cwd: directory,
    input: script,
  });
  expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
  expect(stdout).toMatch(/(HTTP\/1.1 502[^]*?){3}HTTP\/1.1 503/);
  expect(stdout).toMatch(/The circuit of model\/primary of triage in 1\/1 pods is open/);
});
