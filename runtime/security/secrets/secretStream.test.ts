import { beforeAll, describe, expect, it } from '@jest/globals';
import { GITHUB_KEY as GITHUB, privateKey } from '../../testing/secrets.ts';
import { SecretStream } from './secretStream.ts';
import type { SecretScanner } from './secretScanner.ts';
import { SecretlintScanner } from './secretScanner.ts';

const PEM = privateKey(600);

let scanner: SecretlintScanner;
beforeAll(async () => {
  scanner = await SecretlintScanner.load();
});

/** Says the text in pieces of so many characters, and looks when it is time. */
async function said(text: string, size: number, by: SecretScanner): Promise<SecretStream> {
  const stream = new SecretStream(Promise.resolve(by));
  for (let at = 0; at < text.length; at += size) {
    stream.add(text.slice(at, at + size));
    if (stream.isDue) await stream.look();
  }
  await stream.look(true);
  return stream;
}

describe('a text that comes in pieces', () => {
  it('reveals its secrets for any cuts, and each kind once', async () => {
    for (const before of [0, 100, 16_370, 16_384, 28_650, 60_000]) {
      const text = `${'word '.repeat(before / 5)} ${GITHUB} ${'word '.repeat(5000)}${PEM} ${GITHUB}.`;
      for (const size of [7, 1000, 16_384, 200_000]) {
        const { kinds } = await said(text, size, scanner);
        expect([before, size, kinds]).toEqual([before, size, ['github', 'privatekey']]);
      }
    }
  });

  it('reveals no secret that only a cut produces', async () => {
    // A longer word is no token, but its beginning would be one.
    for (let before = 16_330; before < 16_400; before += 5) {
      const text = `${'x'.repeat(before)} ${GITHUB}abcdefghij ${'word '.repeat(9000)}`;
      expect((await said(text, 1, scanner)).kinds).toEqual([]);
    }
  });

  it('is scanned in linear time, in small parts, and never across a clear', async () => {
    let looked = 0;
    let longest = 0;
    const counted: SecretScanner = {
      find: (text) => {
        looked += text.length;
        longest = Math.max(longest, text.length);
        return Promise.resolve([]);
      },
    };
    const stream = await said('word '.repeat(400_000), 100, counted);
    expect(looked).toBeLessThan(2 * 2_000_000);
    expect(longest).toBeLessThan(30 * 1024);
    expect(stream.length).toBe(2_000_000);
    expect(stream.cleared).toBe(2_000_000);
  });
});
