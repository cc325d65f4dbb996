import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Circuit, Content } from '../../contract/generated/types.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { Guard } from '../guard/guard.ts';
import { IGNORED } from '../resilience/outcome.ts';
import { TOUCHY, configuration } from '../testing/configuration.ts';
import { KeptState } from './keptState.ts';
import { limitOf } from '../testing/guardFixture.ts';

let path: string;
let logs: string[];
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'kept-')), 'state.json');
  logs = [];
});
afterEach(() => rm(join(path, '..'), { recursive: true, force: true }));

/** A process that starts at this wall time. */
function life(start: string, circuit: Circuit = TOUCHY, content: Partial<Content> = {}) {
  const clock = new FakeClock(start);
  const guard = new Guard({ clock });
  guard.apply(configuration('http://model', { circuits: [circuit], ...content }).content);
  const log = pino({ level: 'info' }, { write: (line: string) => void logs.push(line) });
  const kept = new KeptState({ guard, path, log });
  kept.restore();
  const fail = (): void => {
    const admission = guard.dependency('model/primary')!.acquire();
    if (admission.kind === 'Permit') {
      admission.permit.settle({ vote: 'failure', class: 'ServerError', message: 'HTTP 500' });
    }
  };
  return { clock, guard, kept, fail, state: () => guard.circuits()[0]! };
}

describe('the saved state', () => {
  it('is restored by the next process, with the rest of the open time', async () => {
    const first = life('2026-01-01T00:00:00.000Z');
    first.fail();
    first.clock.advance(60_000);
    await first.kept.save();
    const second = life('2026-01-01T00:02:00.000Z');
    expect(second.state()).toMatchObject({
      state: 'Open',
      nextProbe: '2026-01-01T00:10:00.000Z',
      lastFailure: { class: 'ServerError', time: '2026-01-01T00:00:00.000Z' },
    });
    second.clock.advance(8 * 60_000);
    expect(second.state().state).toBe('HalfOpen');
  });

  it('is ignored if it is old', async () => {
    const first = life('2026-01-01T00:00:00.000Z');
    first.fail();
    await first.kept.save();
    expect(life('2026-01-01T00:10:01.000Z').state().state).toBe('Closed');
  });

  it('distinguishes a changed reset token from a handled one', async () => {
    const first = life('2026-01-01T00:00:00.000Z', { ...TOUCHY, resetToken: '1' });
    first.fail();
    await first.kept.save();
    const same = life('2026-01-01T00:00:05.000Z', { ...TOUCHY, resetToken: '1' });
    expect(same.state()).toMatchObject({ state: 'Open', handledResetToken: '1' });
    const changed = life('2026-01-01T00:00:05.000Z', { ...TOUCHY, resetToken: '2' });
    expect(changed.state()).toMatchObject({ state: 'Closed', handledResetToken: '2' });
  });

  it('contains only the gate of the mounted credential, with the rest of retry.maxProviderWait', async () => {
    const mounted = { hash: 'm', mounted: true };
    const refuse = ({ guard }: ReturnType<typeof life>, hash: string, own: boolean): void => {
      const admission = guard
        .dependency('model/primary')!
        .acquire({ credential: { hash, mounted: own } });
      if (admission.kind !== 'Permit') throw new Error('it was not let through');
      admission.permit.refused('RateLimited', 3_600_000);
      admission.permit.settle(IGNORED);
    };
    const first = life('2026-01-01T00:00:00.000Z');
    refuse(first, 'm', true);
    refuse(first, 'caller', false);
    await first.kept.save();
    expect(first.kept.savedAt).toBe('2026-01-01T00:00:00.000Z');
    expect(await readFile(path, 'utf8')).not.toContain('caller');
    const { guard } = life('2026-01-01T00:04:00.000Z');
    guard.useCredential('model/primary', 'm');
    expect(guard.gates()).toMatchObject([
      { gate: 'RateLimited', until: '2026-01-01T00:05:00.000Z' },
    ]);
    expect(guard.dependency('model/primary')!.acquire({ credential: mounted })).toMatchObject({
      rejection: { reason: 'RateLimited', retryAfterMs: 60_000 },
    });
  });

  it('has the gate of calls that count tokens shut too, and no other because of it', async () => {
    const mounted = { hash: 'm', mounted: true };
    const counting = { credential: mounted, model: 'large', votes: false };
    const many = {
      endpoints: [
        {
          name: 'primary',
          provider: 'Anthropic' as const,
          priority: 0,
          weight: 1,
          baseURL: 'http://model',
        },
      ],
    };
    const answering = { credential: mounted, model: 'large' };
    const first = life('2026-01-01T00:00:00.000Z', TOUCHY, many);
    const dependency = first.guard.dependency('model/primary')!;
    const served = dependency.acquire(answering);
    if (served.kind === 'Permit') served.permit.settle({ vote: 'ok' });
    const refused = dependency.acquire(counting);
    if (refused.kind !== 'Permit') throw new Error('it was not let through');
    refused.permit.refused('RateLimited', 240_000);
    refused.permit.settle(IGNORED);
    await first.kept.save();
    const { guard } = life('2026-01-01T00:03:00.000Z', TOUCHY, many);
    guard.useCredential('model/primary', 'm');
    expect(guard.dependency('model/primary')!.acquire(counting)).toMatchObject({
      rejection: { reason: 'RateLimited', retryAfterMs: 60_000 },
    });
    expect(guard.dependency('model/primary')!.acquire(answering).kind).toBe('Permit');
  });

  it('has buckets no fuller than they were, but for the refill since', async () => {
    const limit = limitOf({
      target: 'inbound',
      policy: 'p',
      name: 'l',
      resource: 'Requests',
      refill: { amount: 1, perMs: 60_000 },
      capacity: 10,
    });
    const limited = { limits: [limit] };
    const first = life('2026-01-01T00:00:00.000Z', TOUCHY, limited);
    for (let i = 0; i < 10; i += 1) first.guard.inbound.acquire();
    await first.kept.save();
    const second = life('2026-01-01T00:02:00.000Z', TOUCHY, limited);
    const answers = [1, 2, 3].map(() => second.guard.inbound.acquire().kind);
    expect(answers).toEqual(['Permit', 'Permit', 'Rejection']);
  });

  it('is not written while nothing changes', async () => {
    const first = life('2026-01-01T00:00:00.000Z', { ...TOUCHY, resetToken: '1' });
    await first.kept.save();
    await writeFile(path, 'untouched');
    first.clock.advance(60_000);
    await first.kept.save();
    expect(await readFile(path, 'utf8')).toBe('untouched');
    first.fail();
    await first.kept.save();
    expect(await readFile(path, 'utf8')).toContain('"state":"Open"');
  });

  it.each([
    'null',
    '{}',
    '[1]',
    '{"savedAt":"x","circuits":[null]}',
    '{"savedAt":"2026-01-01T00:00:00.000Z","circuits":[],"gates":[null],"limits":{}}',
  ])('is ignored if it is %s', async (text) => {
    await writeFile(path, text);
    expect(life('2026-01-01T00:00:00.000Z').state().state).toBe('Closed');
  });
});
