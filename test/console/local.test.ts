import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { run } from '../cluster/common/command.ts';
import { accessibilityFaults, scrollsSideways, startBrowser } from '../kit/browser.ts';
import { takePicture } from '../kit/picture.ts';

const ROOT = join(import.meta.dirname, '../..');
const OPENER = '#!/bin/sh\ncp "$1" "$OPENED"\n';

describe('the console of breakwater local', () => {
  let directory: string;
  let command: ChildProcess;
  let text = '';
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await run(process.execPath, ['esbuild.config.js', 'cli'], { cwd: ROOT });
    browser = await startBrowser();
    directory = await mkdtemp(join(tmpdir(), 'console-'));
    for (const name of ['xdg-open', 'open']) {
      await writeFile(join(directory, name), OPENER);
      await chmod(join(directory, name), 0o755);
    }
    const main = join(ROOT, 'dist/cli/breakwater.js');
    const samples = join(ROOT, 'config/samples');
    command = spawn(
      process.execPath,
      [main, 'local', '-f', samples, '--simulate', '--console', '--port', '24080'],
      {
        env: {
          ...process.env,
          PATH: `${directory}${delimiter}${process.env['PATH']}`,
          OPENED: join(directory, 'opened.html'),
        },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    createInterface({ input: command.stdout! }).on('line', (line) => (text += `${line}\n`));
    page = await browser.newPage({ viewport: { width: 1200, height: 640 } });
  });

  afterAll(async () => {
    await browser.close();
    const ended = once(command, 'exit');
    command.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
    await rm(directory, { recursive: true, force: true });
  });

  /** Waits until the output matches, and returns the first group. */
  const says = async (pattern: RegExp): Promise<string> => {
    for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
      const found = pattern.exec(text);
      if (found !== null) return found[1]!;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`it never said ${pattern.source}:\n${text}`);
  };

  const send = async (): Promise<Response> =>
    fetch(`${await says(/serves at (\S+)/)}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"model":"any","max_tokens":16,"messages":[{"role":"user","content":"Hello"}]}',
    });

  const breakModel = async (fault: string): Promise<Response> =>
    fetch(await says(/-X PUT (\S+)/), { method: 'PUT', body: fault });

  it('shows an agent that is well, at the address that the command prints last', async () => {
    const url = await says(/Watch it in a browser: (\S+)\n$/);
    await page.goto(url);
    await page.getByText('One agent is well.').waitFor();
    expect((await send()).status).toBe(200);
    const opened = await readFile(join(directory, 'opened.html'), 'utf8');
    expect(opened).toContain(`url=${url}"`);
  });

  it('shows an outage: the circuit, why it is open, the log of a request', async () => {
    await breakModel('{"status": 529}');
    let last = await send();
    while (last.status !== 503) last = await send();
    await page.getByText('circuit model/primary').waitFor();
    await page.getByRole('link', { name: '/triage' }).click();
    await page.getByText('From 1 pod.').waitFor();
    await page.getByText(/^Requests a second: [\d.]+/).waitFor();
    expect(await page.locator('.chart canvas').count()).toBe(4);
    await page.getByLabel(/^Id of the request/).fill(last.headers.get('request-id')!);
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText(/^\[triage\] .*reason=CircuitBreakerOpen/).waitFor();
    await takePicture(page, 'console-outage');
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await scrollsSideways(page)).toBe(false);
  });

  it('shows what an edit of a policy would change, and where to put it', async () => {
    await page.locator('summary').first().click();
    const editor = page.getByRole('textbox', { name: /^Edit it here/ }).first();
    const manifest = await editor.inputValue();
    await editor.fill(manifest.replace(/consecutiveFailures: \d+/, 'consecutiveFailures: 77'));
    await page.getByRole('button', { name: 'Show what would change' }).first().click();
    await page.getByText(/is changed, with no restart/).waitFor();
    await page.getByText(/^Put the edit into the manifest in .*samples/).waitFor();
    await editor.fill(manifest.replace(/consecutiveFailures: \d+/, 'consecutiveFailures: no'));
    await page.getByRole('button', { name: 'Show what would change' }).first().click();
    await page.getByText(/spec\.trip\.consecutiveFailures/).waitFor();
  });

  it('shows the recovery in the timeline', async () => {
    await breakModel('null');
    await page.getByRole('link', { name: 'Timeline' }).click();
    await page.getByRole('row', { name: /Closed → .*Open/ }).waitFor();
    for (
      const shown = page.getByRole('row', { name: /→ .*Closed/ });
      (await shown.count()) === 0;
    ) {
      await send();
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
    await takePicture(page, 'console-recovery');
    await page.getByRole('link', { name: 'Agents' }).click();
    await page.getByText('One agent is well.').waitFor();
  });
});
