import { beforeAll, describe, expect, it } from '@jest/globals';
import { GITHUB_KEY as GITHUB, privateKey } from '../../testing/secrets.ts';
import { SecretlintScanner, redacted } from './secretScanner.ts';

// Put together here, as testing/secrets.ts does.
const ANTHROPIC = `sk-ant-api03-${'a1B2c3D4e5'.repeat(9)}abc-bbbbbbAA`;
const SLACK = `xoxb-${'123456789012'}-${'1234567890123'}-${'aBcDeFgHiJkLmNoPqRsTuVwX'}`;
const PEM = privateKey(20);

let scanner: SecretlintScanner;
beforeAll(async () => {
  scanner = await SecretlintScanner.load();
});

describe('the scanner for secrets', () => {
  it.each([
    ['github', GITHUB],
    ['anthropic', ANTHROPIC],
    ['slack', SLACK],
    ['privatekey', PEM],
  ])('finds a secret of the kind %s and its place', async (kind, secret) => {
    const text = `The key is ${secret} and no more.`;
    const matches = await scanner.find(text);
    expect(matches.map((each) => each.kind)).toEqual([kind]);
    expect(redacted(text, matches)).not.toContain(secret.slice(6, 30));
    expect(redacted(text, matches)).toContain(' and no more.');
  });

  it('finds each secret once, also beyond 64 KiB and across two slices', async () => {
    const text = `${'word '.repeat(12_000)}${GITHUB} ${'word '.repeat(12_000)}${ANTHROPIC}`;
    expect(await scanner.find(text)).toHaveLength(2);
  });

  it('cannot be turned off by the text', async () => {
    const text = `// secretlint-disable\n${GITHUB} // secretlint-disable-line`;
    expect(await scanner.find(text)).toHaveLength(1);
  });

  it('finds nothing in ordinary text', async () => {
    expect(await scanner.find('The key to success is a token of thanks: api_key=<yours>')).toEqual(
      [],
    );
  });

  it.each([
    'a',
    ' ',
    'ab/+',
    'npm_',
    '-----BEGIN ',
    'sk-ant-',
    'eyJa.',
    'https://a:b@',
    '="',
    'A3T',
  ])('takes bounded time for 64 KiB of %j', async (unit) => {
    const found = await scanner.find(unit.repeat(Math.ceil((64 * 1024) / unit.length)));
    expect(found.length).toBeLessThan(2);
  });
});
