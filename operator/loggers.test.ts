import { expect, it } from '@jest/globals';
import { pino } from 'pino';
import { Loggers } from './loggers.ts';
import { serve } from './endpoints.ts';
import { loggingPage } from './debug.ts';

it('each module of the operator has a log level, which the debug page changes at run time', async () => {
  const lines: string[] = [];
  const write = (line: string): void => void lines.push((JSON.parse(line) as { msg: string }).msg);
  const loggers = new Loggers(pino({ level: 'info' }, { write }), { links: 'error' });
  const log = (): void => {
    loggers.of('links').warn('of links');
    // As a reconcile does: with a child made at the time.
    loggers.of('reconcile').child({ name: 'x' }).debug('of a reconcile');
  };
  const { server, port } = await serve(
    { '/debug/logging': (query, method) => loggingPage(loggers, query, method) },
    0,
    '127.0.0.1',
  );
  const ask = async (method: string, query = ''): Promise<[number, unknown]> => {
    const answer = await fetch(`http://127.0.0.1:${port}/debug/logging${query}`, { method });
    return [answer.status, await answer.json()];
  };
  try {
    log();
    expect(lines).toEqual([]);
    const [, before] = await ask('GET');
    expect(before).toMatchObject({ levels: { links: 'error', reconcile: 'info' } });
    expect(await ask('PUT', '?module=reconcile&level=debug')).toMatchObject([
      200,
      { levels: { reconcile: 'debug' } },
    ]);
    await ask('PUT', '?module=links&level=');
    log();
    expect(lines).toEqual(['of links', 'of a reconcile']);
    expect(await ask('PUT', '?module=all&level=debug')).toMatchObject([400, {}]);
    expect(await ask('PUT', '?module=links&level=loud')).toMatchObject([400, {}]);
    expect((await ask('GET', '?module=links&level=debug'))[1]).toMatchObject({
      levels: { links: 'info' },
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
