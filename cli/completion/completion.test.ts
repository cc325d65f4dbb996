import { execFileSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { COMMANDS } from '../program.ts';
import { world } from '../view/fixtures.ts';
import { candidates, namesOf } from './candidates.ts';
import { completionScript } from './scripts.ts';

const context = {
  program: 'breakwater',
  ...{ stdout: { write: () => true }, stderr: { write: () => true } },
  ...{ environment: {}, date: () => new Date(0), interrupted: () => new AbortController().signal },
};

const complete = (...words: string[]): Promise<string[]> => candidates(words, COMMANDS, context);

describe('completion', () => {
  it('completes commands, options and shells', async () => {
    expect(await complete('st')).toEqual(['status']);
    expect(await complete('status', '--wa')).toEqual(['--watch']);
    expect(await complete('completion', '')).toEqual(['bash', 'fish', 'zsh']);
  });

  it('offers no names without a cluster', async () => {
    expect(await complete('why', '')).toEqual([]);
  });

  it('offers names of agents and policies', () => {
    expect(namesOf('object', world())).toEqual(['triage', 'cbp/patience', 'arlp/turnstile']);
    expect(namesOf('breaker', world())).toEqual(['patience']);
    expect(namesOf('pod', world())).toEqual(['triage-a', 'triage-b']);
  });

  it('works in bash', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'completion-'));
    try {
      const program = join(directory, 'breakwater');
      await writeFile(program, '#!/bin/sh\necho "$# $2 $3"\n');
      await chmod(program, 0o755);
      const script = `${completionScript('bash')}
        COMP_WORDS=(${program} why tr) COMP_CWORD=2
        _breakwater
        echo "\${COMPREPLY[@]}"`;
      expect(execFileSync('bash', ['-c', script]).toString()).toBe('3 why tr\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
