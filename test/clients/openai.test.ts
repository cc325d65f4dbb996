/**
 * OpenAI's SDKs for JavaScript and Python and the AI SDK, over each fault of a provider: directly, and through the
 * bundled runtime with the same calls. Circuits never open.
 */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOUCHY, configuration } from '../../runtime/testing/configuration.ts';
import { startProcess } from '../../runtime/testing/process.ts';
import { Cleanups } from '../../runtime/testing/setup.ts';
import { fakeEndpoint } from '../../runtime/testing/upstream.ts';
import { bundleRuntime } from '../kit/bundle.ts';
import { PythonSdk } from '../python/sdk.ts';
import type { Outcome } from './call.ts';
import { provided } from './faults.ts';
import { CHAT, RESPONSES } from './openaiAnswers.ts';
import { JAVASCRIPT, MODES, PYTHON, isWhole, python } from './openaiClients.ts';
import type { Mode } from './openaiClients.ts';

// The first run on a machine installs the SDK for Python.
jest.setTimeout(240_000);

const PATIENCE_MS = 2000;
/** Twice the patience, and a margin for a busy machine. */
const MOST_SECONDS = (2 * PATIENCE_MS) / 1000 + 10;
const CONTENT = {
  maxRetryAfterMs: PATIENCE_MS,
  timeouts: { connectMs: 2000, requestMs: 3000, streamIdleMs: 3000, transportIdleMs: 3000 },
  shutdown: { endpointLagMs: 0, drainTimeoutMs: 0 },
  // As the CRD has them.
  retry: { maxAttempts: 3, baseDelayMs: 500, maxDelayMs: 8000, budgetPercent: 20, minPerSecond: 1 },
  circuits: [{ ...TOUCHY, trip: { consecutiveFailures: 1_000_000 } }],
};

const OF_CHAT = provided(CHAT);
const OF_RESPONSES = provided(RESPONSES);
const FAULTS = OF_CHAT.faults.map(({ name, harmless = false }) => ({ name, harmless }));
/** A response without its last event is no whole answer. */
const ONLY_OF_CHAT = 'a missing message_stop';

interface Row {
  fault: string;
  sdk: string;
  mode: Mode;
  outcome: Outcome;
}

const cleanups = new Cleanups();
const seen: Record<'direct' | 'passed', Row[]> = { direct: [], passed: [] };

/** A provider whose models each have a fault of their own. The credential names the call, because clients try again. */
async function startProvider(): Promise<string> {
  const calls = new Map<string, number>();
  const endpoint = await fakeEndpoint((response, { url, body, headers }) => {
    response.on('error', () => undefined);
    const { model, stream = false } = JSON.parse(body.toString()) as { model: string; stream?: boolean }; // prettier-ignore
    const key = `${headers.authorization} ${model}`;
    const before = calls.get(key) ?? 0;
    calls.set(key, before + 1);
    const { faults } = url.startsWith('/v1/responses') ? OF_RESPONSES : OF_CHAT;
    const fault = faults[Number(model.replace('fault-', ''))]!;
    fault.answer({ response, stream, tools: false, before });
  });
  cleanups.add(() => endpoint.close());
  return endpoint.url;
}

async function startRuntime(baseURL: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'clients-'));
  cleanups.add(() => rm(directory, { recursive: true, force: true }));
  await bundleRuntime(directory);
  const started = await startProcess(directory, [], join(directory, 'main.js'));
  cleanups.add(() => started.stop());
  const endpoint = { name: 'primary', provider: 'OpenAI', baseURL, priority: 0, weight: 1 };
  await started.configure(configuration('', { ...CONTENT, endpoints: [endpoint] }));
  return started.agentUrl;
}

/** Makes each call with each SDK, all of them at the same time. */
async function callAll(sdk: PythonSdk, url: string, rows: Row[]): Promise<void> {
  const calls = FAULTS.flatMap(({ name: fault }, i) =>
    MODES.flatMap((mode) =>
      [PYTHON, ...Object.keys(JAVASCRIPT)].map((name) => {
        const key = `${fault} ${name} ${mode}`.replaceAll(' ', '-');
        return {
          fault,
          sdk: name,
          mode,
          call: { url: `${url}/v1`, key, model: `fault-${i}`, mode },
        };
      }),
    ),
  );
  const keep = ({ fault, sdk: name, mode }: (typeof calls)[number], outcome: Outcome): void =>
    void rows.push({ fault, sdk: name, mode, outcome });
  const ofPython = calls.filter((each) => each.sdk === PYTHON);
  const javascript = calls.filter((each) => each.sdk !== PYTHON);
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

beforeAll(async () => {
  const baseURL = await startProvider();
  const url = await startRuntime(baseURL);
  const sdk = await PythonSdk.start('openai_sdk.py', 'requirements-openai.txt');
  cleanups.add(() => sdk.stop());
  await callAll(sdk, baseURL, seen.direct);
  await callAll(sdk, url, seen.passed);
});
afterAll(() => cleanups.run());

const of = (rows: readonly Row[], name: string): Row[] => {
  const found = rows.filter(({ fault }) => fault === name);
  expect(found).toHaveLength(9);
  return found;
};
const directly = ({ fault, sdk, mode }: Row): Outcome =>
  seen.direct.find((each) => each.fault === fault && each.sdk === sdk && each.mode === mode)!
    .outcome;
/** Whether the status tells no less than the direct one. A retry of our own may end as 504 what began as 500. */
function isAlike(status = 0, direct = 0): boolean {
  return direct < 400 || status === direct || (status >= 500 && direct >= 500);
}

describe.each(FAULTS)('$name of the provider', ({ name, harmless }) => {
  const mayBeWhole = ({ mode }: Row): boolean =>
    harmless && !(name === ONLY_OF_CHAT && mode === 'response');

  it('breaks direct calls unless it is harmless', () => {
    const served = of(seen.direct, name).filter((row) => !harmless && isWhole(row.outcome));
    expect(served).toEqual([]);
  });

  it('makes no client of the runtime take a part for the whole answer', () => {
    const wrong = of(seen.passed, name).filter(
      ({ outcome }) => outcome.taken !== undefined && !isWhole(outcome),
    );
    expect(wrong).toEqual([]);
  });

  it('ends calls through the runtime as well as direct calls, or better', () => {
    const worse = of(seen.passed, name).filter((row) => {
      const direct = directly(row);
      const whole = isWhole(row.outcome);
      if (mayBeWhole(row)) return !whole;
      return !whole && !isAlike(row.outcome.error?.status, direct.error?.status);
    });
    expect(worse).toEqual([]);
  });

  it('delays clients of the runtime by at most twice their patience', () => {
    const slow = of(seen.passed, name).filter(
      (row) => row.outcome.seconds > directly(row).seconds + MOST_SECONDS,
    );
    expect(slow).toEqual([]);
  });
});
