import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConversationTraffic } from './conversations.ts';
import { readJson, sendJson } from '../../cli/simulator/json.ts';

describe('test conversations', () => {
  /** Messages that the small agent of these tests has stored. */
  let kept: string[];
  let answerTo: (said: number, response: ServerResponse) => boolean;
  let server: Server;
  let url: string;

  beforeEach(async () => {
    kept = [];
    answerTo = () => true;
    server = createServer((request, response) => {
      void (async () => {
        if (request.method === 'GET') {
          const messages = kept.map((content) => ({ role: 'user', content }));
          sendJson(response, 200, { messages });
          return;
        }
        const { content } = (await readJson(request)) as { content?: string };
        if (content === undefined) sendJson(response, 201, { id: 'one' });
        else if (answerTo(kept.length, response)) {
          kept.push(content);
          sendJson(response, 200, {});
        }
      })();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    server.close();
  });

  const run = () => new ConversationTraffic({ url, conversations: 1, messages: 3 }).run();

  it('are whole when every message was answered and is kept', async () => {
    expect(await run()).toEqual({
      answered: 3,
      outcomes: { 200: 4, 201: 1 },
      whole: 1,
      torn: 0,
      givenUp: 0,
      done: true,
    });
  });

  it('end early when told to, and are then whole too', async () => {
    const traffic = new ConversationTraffic({ url, conversations: 1, messages: 3 });
    answerTo = (said) => {
      if (said === 1) traffic.end();
      return true;
    };
    expect(await traffic.run()).toMatchObject({ answered: 2, whole: 1, done: true });
  });

  it('are given up after an answer ConversationLost', async () => {
    answerTo = (said, response) => {
      if (said === 0) return true;
      response.setHeader('x-breakwater-reason', 'ConversationLost');
      sendJson(response, 410, {});
      return false;
    };
    const report = await run();
    expect(report).toMatchObject({ answered: 1, givenUp: 1, whole: 0 });
    expect(report.outcomes).toMatchObject({ '410 ConversationLost': 1 });
  });

  it('repeat a message when the connection fails, and may then hold it twice', async () => {
    let cut = false;
    answerTo = (said, response) => {
      if (said !== 1 || cut) return true;
      cut = true;
      kept.push('This is message 1.');
      response.destroy();
      return false;
    };
    expect(await run()).toMatchObject({ answered: 3, whole: 1 });
  });

  it('are torn when an answered message is missing', async () => {
    answerTo = (said, response) => {
      if (said !== 2) return true;
      kept.pop();
      sendJson(response, 200, {});
      return false;
    };
    expect(await run()).toMatchObject({ answered: 3, torn: 1, whole: 0 });
  });
});
