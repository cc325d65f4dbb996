import { expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from '../runtime/testing/until.ts';
import { rootLogger } from './log.ts';

/** Logs a line, then at the first input two more, and ends at once. */
const PROGRAM = `
  import { rootLogger } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, 'log.ts')).href)};
  const log = rootLogger('info');
  log.info('One');
  process.stdin.once('data', () => {
    log.info('Two');
    log.fatal('Three');
    process.exit(0);
  });
`;

it('a log without a reader does not keep the process from ending', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    env: { PATH: process.env.PATH },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  try {
    await once(child.stdout, 'data');
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.write('on');
    await until(() => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
  } finally {
    child.kill('SIGKILL');
  }
}, 30_000);

it('a line has its time in ISO 8601 and its level as a word', () => {
  const lines: string[] = [];
  rootLogger('info', { write: (line) => void lines.push(line) }).warn({ module: 'a' }, 'Said');
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    {
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      module: 'a',
      msg: 'Said',
    },
  ]);
});
