import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Terminal as XTerminal } from '@xterm/headless';
import xterm from '@xterm/headless';
import { run } from '../../cli/program.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { ROOT } from '../kit/platform.ts';
import { plugin, type Said } from '../kit/plugin.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(180_000);

const SECRET = 'sk-not-to-be-seen';

describe('kubectl breakwater', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pods: Record<'broken' | 'stranger' | 'spender' | 'eager', PodClient>;

  const agent = (name: string, replicas = 1): Record<string, unknown> =>
    sandbox.agent({
      name,
      replicas,
      baseURL: model.baseURL,
      secret: 'ticket',
      spec: { retry: { maxAttempts: 1 } },
    });

  /** An agent with a control port that the operator does not dial. */
  const unreachable = (name: string): Record<string, unknown> => {
    const made = agent(name) as { spec: { podTemplate: { spec: { containers: object[] } } } };
    const { spec } = made.spec.podTemplate;
    const env = [{ name: 'BREAKWATER_CONTROL_PORT', value: '9444' }];
    spec.containers = spec.containers.map((container) => ({ ...container, env }));
    return made;
  };

  beforeAll(async () => {
    sandbox = await Sandbox.open('plugin');
    model = await sandbox.model('oracle', 9821);
    const slow = { openDuration: '1h', maxOpenDuration: '1h', trip: { consecutiveFailures: 2 } };
    await sandbox.apply(
      sandbox.secret('ticket', SECRET),
      ...['broken', 'stranger', 'spender', 'eager'].map((name) => agent(name)),
      unreachable('hermit'),
      sandbox.breaker('patience', 'broken', slow),
      sandbox.breaker('solitude', 'hermit'),
      sandbox.limit('purse', 'eager', { capacity: 1, amount: 1, per: '1h' }),
      sandbox.breaker('narrow', 'stranger', {
        targetRefs: [{ name: 'stranger', sectionName: 'model/north' }],
      }),
      sandbox.breaker('wide', 'stranger'),
    );
    const names = ['broken', 'stranger', 'spender', 'eager'] as const;
    for (const name of names) await sandbox.agents.waitForAgent(name);
    const ways = await Promise.all(names.map(async (name) => (await sandbox.ways(name))[0]!));
    pods = Object.fromEntries(names.map((name, at) => [name, ways[at]])) as typeof pods;
  });

  afterAll(() => sandbox.close());

  /** Runs a command in this process in the sandbox's namespace, without a terminal. */
  const command = (name: string, ...args: string[]): Promise<Said> =>
    line(name, '-n', sandbox.namespace, ...args);

  const line = (...args: string[]): Promise<Said> => plugin(sandbox.kubectl.environment, args);

  /** Repeats the command until its output matches. */
  const whyNames = async (name: string, pattern: RegExp): Promise<Said> =>
    waitFor(
      `why ${name} names ${pattern.source}`,
      () => command('why', name),
      ({ text }) => pattern.test(text),
    );

  it('names an open circuit, with its failure and the next probe', async () => {
    expect((await command('why', 'broken')).text).toMatch(/nothing is refused/);
    await model.control.setFault({ status: 529 });
    for (let sent = 0; sent < 3; sent += 1) await pods.broken.send();
    await model.control.setFault(undefined);
    const { status, text } = await whyNames('broken', /is open/);
    expect(text).toMatch(
      /The circuit of model\/north of broken in 1\/1 pods is open, .* by CircuitBreakerPolicy patience: 2 consecutive failures \(Overloaded\)\./,
    );
    expect(text).toMatch(/The next probe goes at .* What to do: The provider is short of capacity/);
    expect(status).toBe(1);
    expect((await command('why', 'cbp/patience')).text).toContain('The circuit of model/north');
  });

  it('names a refused key', async () => {
    await model.control.setFault({ status: 401 });
    // Fewer refusals may be a chance.
    for (let sent = 0; sent < 5; sent += 1) await pods.stranger.send();
    await model.control.setFault(undefined);
    await whyNames('stranger', /Unauthorized since .*The provider refuses the API key for model/);
  });

  it('names a spend limit of the provider, and a used-up rate limit', async () => {
    await model.control.setFault({ status: 402 });
    await pods.spender.send();
    await model.control.setFault(undefined);
    await whyNames('spender', /SpendLimit since .*The provider's spend limit holds calls/);
    await pods.eager.send();
    expect(outcome(await pods.eager.send())).toBe('429 RateLimited');
    await whyNames('eager', /RateLimitPolicy purse says Limiting since .* limit turns is used up/);
  });

  it('names policies in conflict', async () => {
    const named = /CircuitBreakerPolicy wide says Conflicted since .*narrow holds stranger/;
    await whyNames('stranger', named);
    await whyNames('wide', named);
  });

  it('names a pod that has no link to the operator', async () => {
    const named = /CircuitBreakerPolicy solitude says Pending since .*hermit-\S+ \(has no link/;
    await whyNames('hermit', named);
  });

  it('shows all of it in one table, and as JSON', async () => {
    const { status, text } = await command('status');
    expect(status).toBe(1);
    expect(text).toMatch(/^ {2}circuit model\/north +Open +1\/1 .* in \d+m? /m);
    expect(text).toMatch(/^ {2}gate model\/north +Unauthorized /m);
    expect(text).toMatch(/^ {2}gate model\/north +SpendLimit /m);
    expect(text).toMatch(/^ {2}limit purse\/turns +Limiting +1\/1 /m);
    expect(text).toMatch(/^ {2}CircuitBreakerPolicy wide +Conflicted /m);
    expect(text).toMatch(/^ {2}pod hermit-\S+ +Pending /m);
    const { rows } = JSON.parse((await command('status', 'broken', '-o', 'json')).text) as {
      rows: { kind: string; state: string }[];
    };
    expect(rows.find(({ kind }) => kind === 'circuit')).toMatchObject({ state: 'Open' });
  });

  it('shows the last changes as a timeline', async () => {
    const { text } = await command('trips');
    expect(text).toMatch(/broken +model\/north +Closed → Open +broken-\S+ +2 consecutive/);
  });

  it('shows requests, latency, tokens and load', async () => {
    const shown = await waitFor(
      'the pods have counted the requests',
      () => command('top', 'eager'),
      ({ text }) => /^eager +[1-9]/m.test(text),
      { timeoutMs: 90_000 },
    );
    expect(shown.text).toMatch(
      /^eager +\d+ +\d+% +[\d.]+% +\d+ +(\d\S+ +){4}[1-9]\d* +[1-9]\d*( +\d+){3}$/m,
    );
    const pods = await command('top', 'eager', '--pods');
    expect(pods.text).toMatch(/^eager +eager-\S+ +yes +\d+\/\d+ +[\d.]+% +\d+$/m);
    const summary = await command('top', '--summary');
    expect(summary.text).toMatch(/^since start( +\d+){4} +\d+% +[\d.]+% +\S+$/m);
    expect(summary.text).toMatch(/^\d+ +\S+\/eager +[\d.]+ /m);
  });

  it('shows the log of a pod and the pages of its debug port', async () => {
    const { text } = await command('logs', 'broken', '--tail', '500');
    expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d+ INFO +Runtime started /m);
    const page = await command('debug', pods.broken.pod, '--page', 'circuits');
    expect(JSON.parse(page.text)).toMatchObject({ circuits: [{ dependency: 'model/north' }] });
  });

  it('writes an archive with logs and debug pages, and without the Secret', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plugin-'));
    try {
      const file = join(directory, 'bundle.tar.gz');
      expect((await command('support-bundle', '--file', file)).status).toBe(0);
      const { stdout } = await sandbox.kubectl.exec('tar', ['-xzOf', file]);
      expect(stdout).toContain('Runtime started');
      expect(stdout).toContain('"dependency": "model/north"');
      expect(stdout).not.toContain(SECRET);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('shows what an edited manifest would change, and that it restarts nothing', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plugin-'));
    try {
      const edited = sandbox.breaker('patience', 'broken', { trip: { consecutiveFailures: 9 } });
      await writeFile(join(directory, 'breaker.json'), JSON.stringify(edited));
      const { status, text } = await command('diff', '-f', directory);
      expect(status).toBe(1);
      expect(text).toMatch(/^ConfigMap \S+\/broken-\S+ is changed, with no restart$/m);
      expect(text).toMatch(/^-\s+consecutiveFailures: 2$/m);
      expect(text).toMatch(/^\+\s+consecutiveFailures: 9$/m);
      expect(text).not.toContain('Deployment');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('completes names from the cluster', async () => {
    expect((await line('__complete', 'why', '-n', sandbox.namespace, 'cbp/p')).text).toMatch(
      /^cbp\/patience$/m,
    );
    expect((await line('__complete', 'status', '-n', sandbox.namespace, '')).text).toMatch(
      /^hermit$/m,
    );
  });

  it('runs as a plugin of kubectl', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'plugin-'));
    try {
      await symlink(join(ROOT, 'cli/breakwater.js'), join(directory, 'kubectl-breakwater'));
      const { PATH } = sandbox.kubectl.environment;
      const path = [directory, join(ROOT, 'node_modules/.bin'), PATH].join(':');
      const args = ['breakwater', 'why', 'stranger', '-n', sandbox.namespace];
      const said = await sandbox.kubectl.exec('env', [`PATH=${path}`, 'kubectl', ...args]);
      expect(said).toMatchObject({ code: 1, stderr: '' });
      expect(said.stdout).toContain('The provider refuses the API key');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('keeps a table on the terminal up to date, resets circuits, and holds them open or closed', async () => {
    const terminal = new Screen(100, 30);
    const left = new AbortController();
    const watching = run(
      ['status', 'broken', '--watch', '-n', sandbox.namespace],
      {
        program: 'kubectl breakwater',
        ...{
          stdout: terminal,
          stderr: terminal,
          date: () => new Date(),
          interrupted: () => left.signal,
        },
        environment: { ...sandbox.kubectl.environment },
      },
      '0',
    );
    const state = (expected: string): Promise<unknown> =>
      waitFor(
        `the terminal shows ${expected}`,
        () => terminal.line(/circuit model\/north/),
        (line) => line.includes(` ${expected} `) || line.endsWith(` ${expected}`),
      );
    try {
      await state('Open');
      expect((await command('reset', 'patience')).text).toContain('has closed its circuits in 1');
      await state('Closed');
      expect(outcome(await pods.broken.send())).toBe('200');
      const held = await command('open', 'patience', '--for', '10m', '--reason', 'rehearsal');
      expect(held.text).toMatch(/holds its circuits open until \S+, in 1\/1 pods/);
      await state('Open');
      expect(outcome(await pods.broken.send())).toBe('503 CircuitBreakerOpen');
      expect((await command('why', 'broken')).text).toContain('spec.override (rehearsal) holds');
      await command('close', 'patience', '--for', '10m');
      await state('Closed');
      await command('reset', 'patience');
      expect((await sandbox.agents.breaker('patience')).spec.override).toBeUndefined();
      expect(terminal.lines().filter((line) => line.startsWith('NAME'))).toHaveLength(1);
    } finally {
      left.abort();
    }
    expect(await watching).toBe(0);
    // The former screen is restored, with the last table below it.
    expect(terminal.line(/circuit model\/north/)).toContain('Closed');
  });
});

/** A terminal that interprets control sequences. */
class Screen {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  readonly #terminal: XTerminal;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#terminal = new xterm.Terminal({
      ...{ cols: columns, rows, allowProposedApi: true, convertEol: true },
    });
  }

  write(text: string): void {
    this.#terminal.write(text);
  }

  /** Its content. */
  lines(): string[] {
    const { active } = this.#terminal.buffer;
    return Array.from(
      { length: this.rows },
      (_, at) => active.getLine(active.viewportY + at)?.translateToString(true) ?? '',
    );
  }

  /** The first line that matches; empty without one. */
  line(pattern: RegExp): string {
    return this.lines().find((line) => pattern.test(line)) ?? '';
  }
}
