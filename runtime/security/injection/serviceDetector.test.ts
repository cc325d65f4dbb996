import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ServiceDetector } from './serviceDetector.ts';

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

type Answer = (response: ServerResponse, body: string) => void;

/** A guardrail service over a real socket. */
async function service(answer: Answer): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks = await request.toArray();
    const body = Buffer.concat(chunks as Buffer[]).toString();
    asked.push(body);
    answer(response, body);
  };
  server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server!.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/guard`, asked };
}

class Scene {
  now = 0;
  readonly warnings: string[] = [];

  detector(url: string, onFailure: 'Allow' | 'Block' = 'Block', timeoutMs = 2000): ServiceDetector {
    const warn = (facts: unknown): void => void this.warnings.push(JSON.stringify(facts));
    return new ServiceDetector(
      { url, timeoutMs, onFailure },
      { fetch, now: () => this.now, log: { warn } as never },
    );
  }
}

const UNCHECKED = { score: 0, rules: [], unchecked: true };

describe('a guardrail service', () => {
  it.each([
    ['{"score":73}', { score: 73, rules: ['detector'] }],
    ['{"score":0}', { score: 0, rules: [] }],
    ['{"flagged":true}', { score: 100, rules: ['detector'] }],
    ['{"flagged":false}', { score: 0, rules: [] }],
  ])('that answers %s decides', async (text, verdict) => {
    const { url, asked } = await service((response) => response.end(text));
    expect(await new Scene().detector(url).examine('Hello', 'UserInput')).toEqual(verdict);
    expect(asked).toEqual(['{"text":"Hello","source":"UserInput"}']);
  });

  it.each<[string, Answer]>([
    ['fails', (response) => response.writeHead(500).end()],
    ['is wrong', (response) => response.end('{"verdict":"fine"}')],
    ['answers out of range', (response) => response.end('{"score":1000}')],
    ['answers no JSON', (response) => response.end('fine')],
    ['answers null', (response) => response.end('null')],
    ['answers without an end', (response) => response.end(' '.repeat(100_000))],
    ['redirects', (response) => response.writeHead(302, { location: '/other' }).end()],
    ['hangs up', (response) => response.destroy()],
  ])('that %s leaves a text unchecked, and says why without the text', async (_, answer) => {
    const { url } = await service(answer);
    const scene = new Scene();
    expect(await scene.detector(url).examine('my words', 'UserInput')).toEqual(UNCHECKED);
    expect(scene.warnings).toHaveLength(1);
    expect(scene.warnings.join()).not.toContain('my words');
    const allowing = scene.detector(url, 'Allow');
    expect(await allowing.examine('my words', 'UserInput')).toEqual({ score: 0, rules: [] });
  });

  it.each<[string, Answer]>([
    ['is slow', () => undefined],
    ['is slow after its first bytes', (response) => response.write('{')],
  ])('that %s is given up after its timeout', async (_, answer) => {
    const { url } = await service(answer);
    const detector = new Scene().detector(url, 'Block', 50);
    expect(await detector.examine('Hello', 'UserInput')).toEqual(UNCHECKED);
  });

  it('that is gone is asked again only after a rest, and recovers', async () => {
    let fails = true;
    const { url, asked } = await service((response) =>
      fails ? response.destroy() : response.end('{"flagged":true}'),
    );
    const scene = new Scene();
    const detector = scene.detector(url);
    for (let i = 0; i < 20; i += 1) expect(await detector.examine('a', 'UserInput')).toEqual(UNCHECKED); // prettier-ignore
    expect(asked.length).toBeLessThanOrEqual(10);
    const before = asked.length;
    fails = false;
    scene.now = 9_999;
    expect(await detector.examine('a', 'UserInput')).toEqual(UNCHECKED);
    expect(asked).toHaveLength(before);
    scene.now = 10_000;
    expect(await detector.examine('a', 'UserInput')).toMatchObject({ score: 100 });
  });

  it('gets 64 KiB of a text, and no more than 64 texts at a time', async () => {
    const waiting: ServerResponse[] = [];
    const { url, asked } = await service((response) => {
      waiting.push(response);
      if (waiting.length === 64) for (const each of waiting) each.end('{"flagged":true}');
    });
    const detector = new Scene().detector(url);
    const all = Array.from({ length: 70 }, () =>
      detector.examine('x'.repeat(100_000), 'UserInput'),
    );
    const verdicts = await Promise.all(all);
    expect(verdicts.filter(({ unchecked }) => unchecked)).toHaveLength(6);
    expect((JSON.parse(asked[0]!) as { text: string }).text).toHaveLength(64 * 1024);
  });
});
