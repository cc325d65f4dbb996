import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import type { Reason } from '../errors/failure.ts';
import { errorSender } from '../exchange/response.ts';
import { listen, portOf } from '../api/listen.ts';
import { until } from '../testing/until.ts';
import { LOCAL_REQUESTS_PER_SECOND, localServer } from './localServer.ts';

let server: ReturnType<typeof localServer>;

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

test('a program that floods the API is refused with 429 beyond its rate, and served a moment later', async () => {
  let now = 0;
  const rejected: Reason[] = [];
  let served = 0;
  server = localServer({
    routes: {
      'GET /v1/thing': {
        answer: () => {
          served += 1;
          return undefined;
        },
      },
    },
    token: () => 'secret',
    now: () => now,
    sendError: errorSender(
      () => undefined,
      () => 0,
    ),
    onRejected: (reason) => rejected.push(reason),
    log: pino({ level: 'silent' }),
  });
  await listen(server, 0, '127.0.0.1');
  const request = 'GET /v1/thing HTTP/1.1\r\nhost: a\r\nx-api-key: secret\r\n\r\n';
  const flood = connect(portOf(server), '127.0.0.1');
  flood.resume().write(request.repeat(LOCAL_REQUESTS_PER_SECOND + 1));
  await once(flood, 'end');
  expect([served, rejected]).toEqual([LOCAL_REQUESTS_PER_SECOND, ['ProgramRateLimited']]);
  now += 10;
  const later = connect(portOf(server), '127.0.0.1');
  later.resume().write(request);
  await until(() => served > LOCAL_REQUESTS_PER_SECOND);
  later.destroy();
});
