import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import { ModuleLoggers } from './log.ts';

it('each module has the level of the configuration, from trace on, or else that of the process', () => {
  const lines: string[] = [];
  const root = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const loggers = new ModuleLoggers(root);
  loggers.apply({ link: 'Trace', model: 'Debug', guard: 'Loud' });
  loggers.of('link').trace('of the link');
  loggers.of('model').trace('of the model');
  loggers.of('guard').debug('of the guard');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['of the link']);
  expect(loggers.levels()).toMatchObject({ link: 'trace', model: 'debug', guard: 'info' });
});
