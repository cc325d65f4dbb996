import { describe, expect, it } from '@jest/globals';
import { help, parse, run } from './program.ts';

describe('parse', () => {
  it('reads the commands', () => {
    expect(parse(['local', '-f', 'd', '--simulate', '--port', '9000'])).toEqual({
      name: 'command',
      command: 'local',
      values: {
        ...{ filename: 'd', simulate: true, port: '9000' },
        ...{ console: false, 'quiet-period': '100ms' },
      },
      positionals: [],
    });
    expect(parse(['render', '--filename', 'd'])).toMatchObject({
      command: 'render',
      values: { filename: 'd' },
    });
    expect(parse(['-n', 'shop', 'why', 'triage', '-o', 'json'])).toMatchObject({
      command: 'why',
      values: { namespace: 'shop', output: 'json' },
      positionals: ['triage'],
    });
    expect(parse([])).toEqual({ name: 'help' });
    expect(parse(['help', 'why'])).toEqual({ name: 'help', about: 'why' });
    expect(parse(['why', '--help'])).toEqual({ name: 'help', about: 'why' });
    expect(parse(['--version'])).toEqual({ name: 'version' });
  });

  it.each([
    [['serve'], /unknown command serve; write one of status, why, trips,/],
    [['local'], 'breakwater local needs -f PATH'],
    [['local', '-f', 'p', 'd'], 'write paths as -f PATH'],
    [['local', '--prot', '1'], '--prot is no option; see breakwater local --help'],
    [['--prot'], '--prot is no option; see breakwater --help'],
    [['status', '-n'], '-n, --namespace needs a value; see breakwater status --help'],
    [['status', '--watch=x'], 'takes no value'],
    [['open', 'a', '--for', '-1m'], '--for needs a value, with = before'],
    [['help', 'wyh'], 'unknown command wyh'],
    [['status', '-x'], '-x is no option'],
    [['reset'], 'breakwater reset POLICY'],
    [['why', 'a', 'b'], 'unexpected argument b'],
    [['why', 'a', '-o', 'xml'], '-o xml is unknown; write -o json or yaml or wide'],
    [['logs', 'a', '-o', 'wide'], 'write -o json'],
  ])('says what to write instead of %j', (args, message) => {
    expect(() => parse(args)).toThrow(message);
  });

  it('refuses an impossible port', async () => {
    const stdout = { write: (): void => undefined };
    const interrupted = () => new AbortController().signal;
    const context = { program: 'breakwater', stdout, stderr: stdout, environment: {}, interrupted };
    const args = ['local', '-f', 'd', '--port', '0'];
    await expect(run(args, { ...context, date: () => new Date(0) }, '1')).rejects.toThrow(
      'from 1 to 65535',
    );
  });
});

describe('help', () => {
  it('names every command, and the program by the user’s name for it', () => {
    const text = help('kubectl breakwater');
    expect(text).toContain('Usage: kubectl breakwater COMMAND');
    expect(text).toMatch(/^ {2}why \[AGENT\|POLICY\] +say what is refused/m);
  });

  it('lists the options of a command', () => {
    expect(help('breakwater', 'status')).toMatch(/^ {2}-A, --all-namespaces +all namespaces$/m);
  });
});
