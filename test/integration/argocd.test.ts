import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { breakerFixture } from '../../operator/testing/fixtures.ts';
import { type Action, askArgoCd, type Health } from '../argocd/lua.ts';
import { AGENTS, BREAKERS, LIMITS } from '../argocd/observed.ts';
import { argoCdBinaries } from '../argocd/program.ts';
import { ROOT } from '../kit/platform.ts';

/** For a run without `make integration`, which builds it first. */
const BUILD_MS = 1_800_000;
const DIRECTORY = join(ROOT, 'config/argocd/resource_customizations/breakwater.dev');
const KINDS: [string, Record<string, KubernetesObject>][] = [
  ['AgentDeployment', AGENTS],
  ['CircuitBreakerPolicy', BREAKERS],
  ['RateLimitPolicy', LIMITS],
];

interface HealthTest {
  inputPath: string;
  healthStatus: Health;
}

interface ActionTests {
  discoveryTests: { inputPath: string; result: Action[] }[];
  actionTests: {
    action: string;
    inputPath: string;
    expectedOutputPath?: string;
    expectedErrorMessage?: string;
    parameters?: Record<string, string>;
  }[];
}

function read<T>(...path: string[]): T {
  return parse(readFileSync(join(DIRECTORY, ...path), 'utf8')) as T;
}

/** The object as YAML, compared with its file; `UPDATE_GOLDEN=1` writes the file instead. */
function expectGolden(path: string, object: KubernetesObject): void {
  const file = join(DIRECTORY, path);
  const text = stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 });
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(readFileSync(file, 'utf8')).toBe(text);
}

beforeAll(async () => {
  await argoCdBinaries();
}, BUILD_MS);

describe.each(KINDS)("Argo CD's health of a %s", (kind, objects) => {
  it.each(Object.entries(objects))(
    'is tested with the object that the operator writes: %s',
    (name, object) => {
      expectGolden(`${kind}/testdata/${name}.yaml`, object);
    },
  );

  it('has a test for each file in testdata', () => {
    const { tests } = read<{ tests: HealthTest[] }>(kind, 'health_test.yaml');
    const files = readdirSync(join(DIRECTORY, kind, 'testdata')).map((name) => `testdata/${name}`);
    expect(tests.map(({ inputPath }) => inputPath).sort()).toEqual(files.sort());
    expect(files).toHaveLength(Object.keys(objects).length);
  });

  it('is what health_test.yaml says', async () => {
    const { tests } = read<{ tests: HealthTest[] }>(kind, 'health_test.yaml');
    const answers = await askArgoCd(
      tests.map(({ inputPath }) => ({ ask: 'health', object: read(kind, inputPath) })),
    );
    expect(
      answers.map(({ health }, i) => ({ inputPath: tests[i]!.inputPath, healthStatus: health })),
    ).toEqual(tests);
  });
});

const ACTING = ['AgentDeployment', 'CircuitBreakerPolicy'];

describe.each(ACTING)("Argo CD's actions on a %s", (kind) => {
  const KIND = `${kind}/actions`;
  const { discoveryTests, actionTests } = read<ActionTests>(KIND, 'action_test.yaml');

  it.each(discoveryTests)(
    'are listed as expected for $inputPath',
    async ({ inputPath, result }) => {
      const [answer] = await askArgoCd([{ ask: 'actions', object: read(KIND, inputPath) }]);
      expect(answer!.actions).toEqual(result);
    },
  );

  it.each(actionTests)(
    'change $inputPath as expected: $action',
    async ({ action, inputPath, expectedOutputPath, expectedErrorMessage, parameters }) => {
      const object = read<KubernetesObject>(KIND, inputPath);
      const [answer] = await askArgoCd([
        { ask: 'run', object, action, ...(parameters && { parameters }) },
      ]);
      if (expectedErrorMessage !== undefined) {
        expect(answer!.error).toBe(expectedErrorMessage);
        return;
      }
      const expected = read<KubernetesObject>(KIND, expectedOutputPath!);
      expect(withoutTimes(patched(object, answer!.patch!))).toEqual(withoutTimes(expected));
    },
  );
});

describe("Argo CD's actions on a CircuitBreakerPolicy", () => {
  /** expiresAt in minutes from now. */
  async function minutesHeld(
    minutes: string | undefined,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<number> {
    const object = breakerFixture();
    const parameters = minutes === undefined ? {} : { parameters: { minutes } };
    const [answer] = await askArgoCd(
      [{ ask: 'run', object, action: 'force-open', ...parameters }],
      environment,
    );
    const { override } = patched(object, answer!.patch!).spec;
    expect(override!.expiresAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    return (Date.parse(override!.expiresAt!) - Date.now()) / 60_000;
  }

  it.each([
    [undefined, 10],
    ['30', 30],
    ['0.5', 0.5],
  ])('force open for the given number of minutes, by default 10: %s', async (minutes, expected) => {
    expect(Math.abs((await minutesHeld(minutes)) - expected)).toBeLessThan(0.2);
  });

  it.each(['America/St_Johns', 'Asia/Kolkata'])(
    'set the right end in the time zone %s',
    async (TZ) => {
      expect(Math.abs((await minutesHeld('30', { TZ })) - 30)).toBeLessThan(0.2);
    },
  );
});

/** Argo CD's own tests compare the time of an action with a fixed one, too. */
function withoutTimes(object: KubernetesObject): KubernetesObject {
  const { spec } = object as Partial<CircuitBreakerPolicy>;
  if (spec?.override?.expiresAt === undefined) return object;
  const override = { ...spec.override, expiresAt: '0001-01-01T00:00:00Z' };
  return { ...object, spec: { ...spec, override } } as KubernetesObject;
}

/** RFC 7396. */
function patched<T>(value: T, patch: unknown): T {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch as T;
  const base = typeof value === 'object' && value !== null ? value : {};
  const entries = Object.entries(patch).map(([key, change]) => [
    key,
    patched((base as Record<string, unknown>)[key], change),
  ]);
  const all = { ...base, ...(Object.fromEntries(entries) as object) };
  return Object.fromEntries(Object.entries(all).filter(([, each]) => each !== null)) as T;
}
