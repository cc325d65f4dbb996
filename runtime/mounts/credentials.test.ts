import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync, renameSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock } from '../testing/fakeClock.ts';
import { Credentials } from './credentials.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'credentials-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('Credentials', () => {
  it('follow a key that appears, changes by a swapped link and disappears', () => {
    const clock = new FakeClock();
    const credentials = new Credentials(() => clock.now());
    const credential = { path: join(directory, '..data', 'api-key'), secret: 's', key: 'api-key' };
    expect(credentials.read(credential)).toBeUndefined();
    for (const [version, key] of [
      ['v1', 'first'],
      ['v2', 'other'],
    ] as const) {
      mkdirSync(join(directory, version));
      writeFileSync(join(directory, version, 'api-key'), `${key}\n`);
      symlinkSync(version, join(directory, 'next'));
      renameSync(join(directory, 'next'), join(directory, '..data'));
      clock.advance(1000);
      expect(credentials.read(credential)).toBe(key);
    }
    rmSync(join(directory, '..data'));
    expect(credentials.read(credential)).toBe('other');
    clock.advance(1000);
    expect(credentials.read(credential)).toBeUndefined();
  });

  it.each(['', ' \n', 'two words', 'line\nbreak', 'ümlaut'])('takes %j for missing', (text) => {
    writeFileSync(join(directory, 'key'), text);
    const credentials = new Credentials(() => 0);
    expect(
      credentials.read({ path: join(directory, 'key'), secret: 's', key: 'k' }),
    ).toBeUndefined();
  });
});
