/**
 * The SDKs that applications use, over each fault of a provider: directly, and through the bundled runtime with the
 * same calls. Circuits never open in the first scene through it, and are open from the beginning in the others.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Content, Endpoint } from '../../contract/generated/types.ts';
import { send } from '../../runtime/testing/client.ts';
import { TOUCHY, configuration } from '../../runtime/testing/configuration.ts';
import { startProcess } from '../../runtime/testing/process.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { until } from '../../runtime/testing/until.ts';
import { bundleRuntime } from '../kit/bundle.ts';
import { PythonSdk } from '../python/sdk.ts';
import { isWhole, MODES } from './call.ts';
import type { Mode, Outcome } from './call.ts';
import { FAULTS } from './faults.ts';
import type { Fault } from './faults.ts';
import { JAVASCRIPT } from './javascript.ts';
import { WELL, modelOf, startProvider } from './provider.ts';
import { PYTHON, python } from './python.ts';

// The first run on a machine installs the SDK for Python.
jest.setTimeout(180_000);

const PATIENCE_MS = 2000;
/** For a busy machine. */
const MARGIN_SECONDS = 10;
const MOST_SECONDS = (2 * PATIENCE_MS) / 1000 + MARGIN_SECONDS;

const CONTENT = {
  maxRetryAfterMs: PATIENCE_MS,
  timeouts: { connectMs: 2000, requestMs: 3000, streamIdleMs: 3000, transportIdleMs: 3000 },
  shutdown: { endpointLagMs: 0, drainTimeoutMs: 0 },
};
/** As the CRD has them. */
const RETRY = {
  maxAttempts: 3,
  baseDelayMs: 500,
  maxDelayMs: 8000,
  budgetPercent: 20,
  minPerSecond: 1,
};
/** A broken connection would open the circuits of all models at once. */
const BY_MODEL = {
  ...TOUCHY,
  failureOn: TOUCHY.failureOn.filter((kind) => kind !== 'Connection'),
};

/** One call of one SDK, and how it ended. */
interface Row {
  fault: string;
  sdk: string;
  mode: Mode;
  outcome: Outcome;
}

const cleanups = new Cleanups();
const seen: Record<'direct' | 'passed' | 'refused', Row[]> = {
  direct: [],
  passed: [],
  refused: [],
};
let sdk: PythonSdk;
/** Where the bundle of the runtime is. */
let bundled: string;

/** Starts a runtime in front of the endpoint, with a key of its own or else with that of each client. */
async function runtime(
  endpoint: Partial<Endpoint>,
  { mounted = false, ...content }: Partial<Content> & { mounted?: boolean },
): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'clients-'));
  cleanups.add(() => rm(directory, { recursive: true, force: true }));
  const started = await startProcess(directory, [], join(bundled, 'main.js'));
  cleanups.add(() => started.stop());
  const path = join(directory, 'api-key');
  await writeFile(path, 'mounted\n');
  const credential = { path, secret: 'provider', key: 'api-key' };
  const primary = { name: 'primary', provider: 'Anthropic', ...(mounted && { credential }) };
  const endpoints = [{ ...primary, ...endpoint } as Endpoint];
  await started.configure(configuration('', { ...CONTENT, ...content, endpoints }));
  return started.agentUrl;
}

/** Makes each call of the faults with each SDK, all of them at the same time. */
async function callAll(url: string, faults: readonly Fault[], rows: Row[]): Promise<void> {
  const calls = faults.flatMap((fault) =>
    MODES.flatMap((mode) =>
      [PYTHON, ...Object.keys(JAVASCRIPT)].map((name) => ({
        ...{ fault: fault.name, sdk: name, mode },
        call: {
          url,
          key: `${fault.name} ${name} ${mode}`,
          model: modelOf(FAULTS.indexOf(fault)),
          mode,
        },
      })),
    ),
  );
  const ofPython = calls.filter((each) => each.sdk === PYTHON);
  const javascript = calls.filter((each) => each.sdk !== PYTHON);
  const keep = ({ call: _, ...row }: (typeof calls)[number], outcome: Outcome): void =>
    void rows.push({ ...row, outcome });
  await Promise.all([
    python(
      sdk,
      ofPython.map(({ call }) => call),
    ).then((outcomes) => {
      outcomes.forEach((outcome, i) => keep(ofPython[i]!, outcome));
    }),
    ...javascript.map(async (each) => keep(each, await JAVASCRIPT[each.sdk]!(each.call))),
  ]);
}

/** Asks until the runtime itself refuses: first for a good answer, because that gives a model a circuit of its own. */
async function refuseBefore(url: string, fault: Fault): Promise<void> {
  const model = modelOf(FAULTS.indexOf(fault));
  const body = JSON.stringify({ model, max_tokens: 1, messages: [] });
  if (fault.refusedBy !== undefined) await send(url, { headers: { [WELL]: '1' }, body });
  await until(async () => {
    const { headers } = await send(url, { body });
    return REFUSALS.has(String(headers['x-breakwater-reason']));
  });
}

const REFUSALS = new Set(['CircuitBreakerOpen', 'RateLimited', 'CredentialRefused']);

async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Refused by the operating system, so that no provider of ours answers it. */
const REFUSED: Fault = { name: 'a refused connection', answer: () => undefined };
const UNAUTHORIZED = FAULTS.find(({ name }) => name === '401')!;

beforeAll(async () => {
  bundled = await mkdtemp(join(tmpdir(), 'clients-'));
  cleanups.add(() => rm(bundled, { recursive: true }));
  const provider = await startProvider();
  cleanups.add(() => provider.close());
  [sdk] = await Promise.all([PythonSdk.start(), bundleRuntime(bundled)]);
  cleanups.add(() => sdk.stop());
  const baseURL = provider.url;
  const nowhere = `http://127.0.0.1:${await closedPort()}`;
  const never = { ...TOUCHY, trip: { consecutiveFailures: 1_000_000 } };
  const [passing, refusing, unauthorized, unreachable] = await Promise.all([
    runtime({ baseURL }, { circuits: [never], retry: RETRY }),
    runtime({ baseURL }, { circuits: [BY_MODEL], mounted: true }),
    runtime({ baseURL }, { circuits: [BY_MODEL], mounted: true }),
    runtime({ baseURL: nowhere }, { circuits: [TOUCHY] }),
  ]);
  const refused = FAULTS.filter((fault) => fault.refusedBy && fault !== UNAUTHORIZED);
  await Promise.all([
    callAll(baseURL, FAULTS, seen.direct),
    callAll(nowhere, [REFUSED], seen.direct),
    ...refused.map((fault) => refuseBefore(refusing, fault)),
    refuseBefore(unauthorized, UNAUTHORIZED),
    refuseBefore(unreachable, REFUSED),
  ]);
  await callAll(passing, FAULTS, seen.passed);
  await Promise.all([
    callAll(refusing, refused, seen.refused),
    callAll(unauthorized, [UNAUTHORIZED], seen.refused),
    callAll(unreachable, [REFUSED], seen.refused),
  ]);
});
afterAll(() => cleanups.run());

/** The same call made directly. */
function directly({ fault, sdk: name, mode }: Row): Outcome {
  return seen.direct.find(
    (each) => each.fault === fault && each.sdk === name && each.mode === mode,
  )!.outcome;
}

const of = (rows: readonly Row[], { name }: Fault): Row[] => {
  const found = rows.filter(({ fault }) => fault === name);
  expect(found).toHaveLength(9);
  return found;
};
/** Whether the status tells no less than the direct one. A retry of our own may end as 504 what began as 500. */
function isAlike(status = 0, direct = 0): boolean {
  return direct < 400 || status === direct || (status >= 500 && direct >= 500);
}
const isSlow = (row: Row): boolean => row.outcome.seconds > directly(row).seconds + MOST_SECONDS;

describe.each(FAULTS)('$name of the provider', (fault) => {
  it('breaks direct calls unless it is harmless', () => {
    const served = of(seen.direct, fault).filter(({ outcome, mode }) => isWhole(outcome, mode));
    if (fault.harmless !== true) expect(served).toEqual([]);
  });

  it('makes no client of the runtime take a part for the whole answer', () => {
    const wrong = of(seen.passed, fault).filter(
      ({ outcome, mode }) => outcome.taken !== undefined && !isWhole(outcome, mode),
    );
    expect(wrong).toEqual([]);
  });

  it('ends calls through the runtime as well as direct calls, or better', () => {
    const worse = of(seen.passed, fault).filter((row) => {
      const direct = directly(row);
      const whole = isWhole(row.outcome, row.mode);
      if (fault.harmless === true || isWhole(direct, row.mode)) return !whole;
      return !whole && !isAlike(row.outcome.error?.status, direct.error?.status);
    });
    expect(worse).toEqual([]);
  });

  it('delays clients of the runtime by at most twice their patience', () => {
    expect(of(seen.passed, fault).filter(isSlow)).toEqual([]);
  });
});

describe.each([...FAULTS.filter(({ refusedBy }) => refusedBy), REFUSED])(
  'a refusal after $name',
  (fault) => {
    it('reaches every client as an error', () => {
      const served = of(seen.refused, fault).filter(({ outcome }) => outcome.error === undefined);
      expect(served).toEqual([]);
    });

    it('delays no client by more than twice its patience after the direct call', () => {
      expect(of(seen.refused, fault).filter(isSlow)).toEqual([]);
    });
  },
);
