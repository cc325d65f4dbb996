import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { unfitting, unverified, type Lock } from './supply.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Workflow {
  permissions?: Record<string, string>;
  env?: Record<string, string>;
  jobs: Record<string, Job>;
}

interface Job {
  permissions?: Record<string, string>;
  env?: Record<string, string>;
  steps: {
    uses?: string;
    with?: Record<string, unknown>;
    run?: string;
    env?: Record<string, string>;
  }[];
}

const WORKFLOWS = readdirSync(join(ROOT, '.github/workflows')).map((name) => {
  const text = read(`.github/workflows/${name}`);
  return [name, text, parse(text) as Workflow] as const;
});

/** Whether packages or code of the repository run in a job. */
const runsCode = ({ steps }: Job): boolean =>
  steps.some(({ run = '' }) => /\b(npm|npx|node|make)\b/.test(run));

const maySee = ({ env, steps }: Pick<Job, 'env' | 'steps'>): boolean =>
  /github\.token|secrets\./.test(JSON.stringify([env, steps]));

describe.each(WORKFLOWS)('%s', (_, text, { permissions, env, jobs }) => {
  const steps = Object.values(jobs).flatMap((job) => job.steps);

  it('lets no package and no code of the repository see a token or write', () => {
    const jobsWithCode = Object.entries(jobs).filter(([, job]) => runsCode(job));
    expect(jobsWithCode.length).toBeGreaterThan(0);
    expect(maySee({ ...(env && { env }), steps: [] })).toBe(false);
    for (const [name, job] of jobsWithCode) {
      expect([name, job.permissions, maySee(job)]).toEqual([name, undefined, false]);
    }
  });

  it('runs no script of a package but the one that fetches Node', () => {
    for (const [, arguments_] of text.matchAll(/npm (?:ci|install)\b(.*)/g)) {
      expect(arguments_).toContain('--ignore-scripts');
    }
    const rebuilt = [...text.matchAll(/npm rebuild (.*)/g)].map(([, what]) => what);
    expect(new Set([...rebuilt, 'node --ignore-scripts=false']).size).toBe(1);
    expect(read('.npmrc')).toContain('ignore-scripts=true');
  });

  it('names each Action by its commit, with the version beside it', () => {
    const used = [...text.matchAll(/^\s+(?:- )?uses: (.*)$/gm)].map(([, name]) => name);
    expect(used).toHaveLength(steps.filter(({ uses }) => uses !== undefined).length);
    for (const name of used) expect(name).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
  });

  it('leaves no credentials behind, and gives permissions only to jobs', () => {
    const checkouts = steps.filter(({ uses }) => uses?.startsWith('actions/checkout@'));
    expect(checkouts.length).toBeGreaterThan(0);
    for (const { with: given } of checkouts) expect(given?.['persist-credentials']).toBe(false);
    expect(permissions).toEqual({ contents: 'read' });
  });
});

it('images have one base, by its digest', () => {
  const bases = ['Dockerfile', 'test/simulator/Dockerfile', 'test/cluster/image/docker.ts'].map(
    (path) => /gcr\.io\/distroless\/[^\s'"]+/.exec(read(path))?.[0],
  );
  expect(bases[0]).toMatch(/^[^@]+:nonroot@sha256:[0-9a-f]{64}$/);
  expect(new Set(bases).size).toBe(1);
});

describe('package-lock.json', () => {
  const lock = JSON.parse(read('package-lock.json')) as Lock;
  const docs = JSON.parse(read('docs/package-lock.json')) as Lock;

  it('has the integrity of each package that is installed on a platform of ours', () => {
    expect([lock, docs].flatMap(unverified)).toEqual([]);
    const { integrity: _, ...stripped } = lock.packages['node_modules/ws']!;
    expect(unverified({ packages: { 'node_modules/ws': stripped } })).toEqual(['node_modules/ws']);
  });

  it('has only permitted licences', () => {
    expect([lock, docs].flatMap(unfitting)).toEqual([]);
    const of = (license: string, dev = false): string[] =>
      unfitting({ packages: { a: { license, dev } } });
    expect(of('GPL-3.0-only')).toEqual(['a: GPL-3.0-only']);
    expect(of('(MIT OR GPL-3.0-only)')).toEqual([]);
    expect(of('MIT AND GPL-3.0-only')).toHaveLength(1);
    expect([of('CC-BY-4.0'), of('CC-BY-4.0', true)]).toEqual([['a: CC-BY-4.0'], []]);
  });
});
