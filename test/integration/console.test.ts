import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { readAssets } from '../../cli/console/assets.ts';
import { ConsoleServer } from '../../cli/console/server.ts';
import type { Source } from '../../cli/console/source.ts';
import { run } from '../../cli/program.ts';
import * as shown from '../../cli/view/fixtures.ts';
import { AGENT_LABEL, type World } from '../../cli/view/world.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  target,
} from '../../operator/testing/fixtures.ts';
import { accessibilityFaults, scrollsSideways, startBrowser } from '../kit/browser.ts';
import { waitFor } from '../cluster/common/step.ts';
import { startApiServer, START_TIMEOUT, type ApiServer } from './apiserver.ts';

/** Bars of the design, in bytes and in megabytes. */
const PAGE_BYTES = 60_000;
const AGENTS_MB = 300;
const MARKUP = '<img src=x onerror="document.title=1">&amp;';

function figure(name: string, value: number, unit: string): void {
  process.stdout.write(`figure ${name} ${Number(value.toPrecision(3))} ${unit}\n`);
}

let server: ApiServer;
let browser: Browser;
let namespace: string;

beforeAll(async () => {
  [server, browser] = await Promise.all([startApiServer(), startBrowser()]);
  namespace = await server.namespace('console');
  await write('agentdeployments', 'triage', { ...agentFixture(), status: shown.agent().status });
  await write('agentdeployments', 'calm', {
    ...agentFixture('calm'),
    status: shown.agent().status,
  });
  await write('circuitbreakerpolicies', 'patience', breakerObject(shown.breaker().status));
  await write('ratelimitpolicies', 'turnstile', {
    ...limitFixture('turnstile'),
    status: shown.limit().status,
  });
}, START_TIMEOUT);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

function circuitOf(circuit: 'Open' | 'Closed'): object {
  return { ...agentFixture(), status: shown.agent([], { circuit }).status };
}

function breakerObject(status: unknown): object {
  return { ...breakerFixture('patience'), status };
}

/** Creates or changes an object and its status. */
async function write(plural: string, name: string, object: object): Promise<void> {
  const path = `/apis/breakwater.dev/v1alpha1/namespaces/${namespace}/${plural}/${name}`;
  const { apiVersion, kind, spec, status } = object as KubernetesObject & {
    spec: object;
    status: object;
  };
  const metadata = { name, namespace };
  await server.apply(path, { apiVersion, kind, metadata, spec });
  await server.apply(`${path}/status`, { apiVersion, kind, metadata, status });
}

interface Console {
  url: string;
  stop(): Promise<void>;
}

/** Runs the command until it is stopped. */
async function startConsole(...args: string[]): Promise<Console> {
  const stopping = new AbortController();
  let text = '';
  const ended = run(
    ['console', '--kubeconfig', server.kubeconfig, '--namespace', namespace, ...args],
    {
      program: 'kubectl breakwater',
      stdout: { write: (more: string) => (text += more) },
      stderr: { write: () => true },
      environment: {},
      date: () => new Date(),
      interrupted: () => stopping.signal,
    },
    '0',
  );
  const url = await waitFor('the console prints its address', 30_000, () =>
    Promise.resolve(/^http:\S+$/m.exec(text)?.[0]),
  );
  return {
    url,
    stop: async () => {
      stopping.abort();
      await ended;
    },
  };
}

async function withPage(
  options: Parameters<Browser['newPage']>[0],
  use: (page: Page, console: Console) => Promise<void>,
): Promise<void> {
  const console = await startConsole();
  const page = await browser.newPage(options);
  try {
    await page.goto(console.url);
    await page.getByRole('link', { name: `${namespace}/calm` }).waitFor();
    await use(page, console);
  } finally {
    await page.close();
    await console.stop();
  }
}

describe('the console', () => {
  it('shows an open circuit within a second, the worst first, and its end', async () => {
    await withPage({}, async (page) => {
      await page.getByText(/^(All \d+ are well|\d+ of \d+ needs? a look)\.$/).waitFor();
      await write('agentdeployments', 'triage', circuitOf('Open'));
      await write('circuitbreakerpolicies', 'patience', breakerObject(shown.openBreaker().status));
      const began = performance.now();
      await page.getByText('circuit model/primary').waitFor();
      figure('console_change', performance.now() - began, 'ms');
      expect(await page.locator('tbody tr').first().innerText()).toContain('triage');
      await page.getByRole('link', { name: 'Timeline' }).click();
      await page
        .getByRole('cell', { name: '5 consecutive failures (Overloaded)' })
        .first()
        .waitFor();
      await page.getByRole('link', { name: 'Agents' }).click();
      await write('agentdeployments', 'triage', circuitOf('Closed'));
      await write('circuitbreakerpolicies', 'patience', breakerObject(shown.breaker().status));
      await page.getByText('circuit model/primary').waitFor({ state: 'detached' });
    });
  });

  it('shows an agent, one of its requests, and an edit of a policy as a patch', async () => {
    await withPage({}, async (page) => {
      await page.getByRole('link', { name: `${namespace}/triage` }).click();
      await page.getByRole('heading', { name: `${namespace}/triage` }).waitFor();
      await page.getByText('From 0 pods.').waitFor();
      await page.getByLabel(/^Id of the request/).fill('req_1');
      await page.getByRole('button', { name: 'Find' }).click();
      await page.getByText('No pod has a line about it.').waitFor();
      await page.getByText('RateLimitPolicy turnstile').click();
      const editor = page.getByRole('textbox', { name: /^Edit it here/ });
      const manifest = await editor.inputValue();
      await editor.fill(manifest.replace(/capacity: \d+/, 'capacity: 77'));
      await page.getByRole('button', { name: 'Show what would change' }).click();
      const patch = page.getByText(/^kubectl patch ratelimitpolicy turnstile/);
      await patch.waitFor();
      expect(await patch.innerText()).toContain('"capacity":77');
      await editor.fill(manifest.replace(/capacity: \d+/, 'capacity: nothing'));
      await page.getByRole('button', { name: 'Show what would change' }).click();
      await page.getByText(/spec\.limits\[0\]\.capacity/).waitFor();
    });
  });

  it('shows texts of others as texts', async () => {
    const condition = shown.condition('Ready', 'False', 'Broken', MARKUP);
    const { status } = shown.agent([condition]);
    await write('agentdeployments', 'hostile', { ...agentFixture('hostile'), status });
    await withPage({}, async (page) => {
      await page.getByText(MARKUP).first().waitFor();
      expect(await page.title()).toBe('Agents · Breakwater');
      expect(await page.locator('img').count()).toBe(0);
    });
  });

  it.each([
    ['light', 390],
    ['light', 1200],
    ['dark', 390],
    ['dark', 1200],
  ] as const)('can be read by all, in %s at %d pixels', async (colorScheme, width) => {
    await withPage({ colorScheme, viewport: { width, height: 800 } }, async (page) => {
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await scrollsSideways(page)).toBe(false);
      await page.getByRole('link', { name: `${namespace}/triage` }).click();
      await page.getByText('From 0 pods.').waitFor();
      expect(await accessibilityFaults(page)).toEqual([]);
      expect(await scrollsSideways(page)).toBe(false);
    });
  });

  it('is used with the keyboard alone', async () => {
    await withPage({}, async (page) => {
      for (let i = 0; i < 30; i += 1) {
        await page.keyboard.press('Tab');
        const name = await page.evaluate<string>('document.activeElement.textContent');
        if (name === `${namespace}/triage`) break;
      }
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: `${namespace}/triage` }).waitFor();
      expect(await page.evaluate<string>('document.activeElement.textContent')).toBe(
        `${namespace}/triage`,
      );
    });
  });

  it('says that it is not allowed without the token, and survives a reload with it', async () => {
    await withPage({}, async (page, { url }) => {
      await page.reload();
      await page.getByRole('link', { name: `${namespace}/calm` }).waitFor();
      const stranger = await browser.newPage();
      await stranger.goto(new URL('/', url).href);
      await stranger.getByText('Open the address that the command has printed').waitFor();
      await stranger.close();
    });
  });

  it('keeps what it knows while the API server is dead, and says of when it is', async () => {
    await withPage({}, async (page) => {
      await server.kill('kube-apiserver');
      try {
        await page.getByText(/The API server does not answer.* What you see is of/).waitFor();
        expect(await page.getByRole('link', { name: `${namespace}/calm` }).count()).toBe(1);
      } finally {
        await server.revive('kube-apiserver');
      }
      await page.getByText('Live').waitFor();
    });
  });

  it('says when the command has ended', async () => {
    const console = await startConsole();
    const page = await browser.newPage();
    await page.goto(console.url);
    await page.getByText('Live').waitFor();
    await console.stop();
    await page.locator('.stale').waitFor();
    await page.close();
  });

  it.each([1000, 5000])('shows %d agents', async (count) => {
    const assets = await readAssets();
    const bytes = [...assets.values()].reduce((sum, { body }) => sum + gzipSync(body).length, 0);
    figure('console_gzip', bytes, 'bytes');
    expect(bytes).toBeLessThanOrEqual(PAGE_BYTES);
    const console = new ConsoleServer(new ManyAgents(count), assets);
    const page = await browser.newPage();
    const began = performance.now();
    await page.goto(await console.listen(0));
    await page.getByText(`All ${count} are well.`).waitFor();
    figure(`console_${count}_agents`, performance.now() - began, 'ms');
    const session = await page.context().newCDPSession(page);
    await session.send('Performance.enable');
    const { metrics } = await session.send('Performance.getMetrics');
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize')!.value / 1e6;
    figure(`console_${count}_agents_memory`, heap, 'MB');
    expect(heap).toBeLessThanOrEqual(AGENTS_MB);
    await page.getByLabel('Filter').fill('many-999');
    await page.getByRole('link', { name: 'shop/many-999' }).first().waitFor();
    await page.close();
    await console.close();
  });
});

/** Agents that are well, with a circuit and two pods each. */
class ManyAgents implements Source {
  readonly #world: World;

  constructor(count: number) {
    const names = Array.from({ length: count }, (_, i) => `many-${i}`);
    const named = <T extends KubernetesObject>(object: T, name: string): T => ({
      ...object,
      metadata: { ...object.metadata, name, labels: { [AGENT_LABEL]: name } },
    });
    this.#world = {
      agents: names.map((name) => named(shown.agent(), name)),
      breakers: names.map((name) =>
        named(shown.breaker([], {}, { targetRefs: [target(name)] }), name),
      ),
      limits: [],
      pods: names.flatMap((name) => [named(shown.pod('a'), name), named(shown.pod('b'), name)]),
    };
  }

  world = (): World => this.#world;
  problem = (): undefined => undefined;
  onChange = () => () => undefined;
  figures = () => Promise.resolve([]);
  lines = () => Promise.resolve([]);
  changes = () => Promise.resolve({ effects: [] });
}
