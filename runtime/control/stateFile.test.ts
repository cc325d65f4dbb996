import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { StateFile } from './stateFile.ts';

let directory: string;
let logs: string[];
let state: unknown;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'state-'));
  logs = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

function file(path = join(directory, 'state.json')): StateFile {
  const log = pino({ level: 'debug' }, { write: (line: string) => void logs.push(line) });
  return new StateFile({ path, snapshot: () => state, log });
}

describe('the file of the state', () => {
  it('gives the next process the last saved state', async () => {
    const before = file();
    for (let i = 0; i < 50; i += 1) {
      state = { i };
      void before.save();
    }
    await before.save();
    expect(file().read()).toEqual({ i: 49 });
    expect(await readdir(directory)).toEqual(['state.json']);
  });

  it('gives nothing if it is missing or malformed', async () => {
    expect(file().read()).toBeUndefined();
    expect(logs).toEqual([]);
    await writeFile(join(directory, 'state.json'), '{"i":');
    expect(file().read()).toBeUndefined();
    expect(logs).toHaveLength(1);
    expect(file().read()).toBeUndefined();
    expect(logs).toHaveLength(1);
  });

  it('gives nothing if it is larger than any state, or no file', async () => {
    const path = join(directory, 'state.json');
    await writeFile(path, '{}');
    await truncate(path, 2 ** 31);
    expect(file().read()).toBeUndefined();
    await mkdir(join(path, 'inside'), { recursive: true });
    expect(file().read()).toBeUndefined();
    expect(logs).toHaveLength(2);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is no error if it cannot be written', async () => {
    state = { i: 1 };
    const lost = file(join(directory, 'nowhere', 'state.json'));
    await lost.save();
    expect(logs).toHaveLength(1);
    await lost.save();
    expect(logs).toHaveLength(2);
  });

  it('is not written again without a change', async () => {
    state = { i: 1 };
    const kept = file();
    await kept.save();
    await rm(join(directory, 'state.json'));
    await kept.save();
    await expect(readFile(join(directory, 'state.json'))).rejects.toThrow('ENOENT');
    state = { i: 2 };
    await kept.save();
    expect(kept.read()).toEqual({ i: 2 });
  });
});
