import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { answersPage, answersTo } from './page.ts';
import { STATES } from './states.ts';

describe.each(STATES.map((state) => [state.title, state] as const))('%s', (_title, state) => {
  const { get, events, status, why } = answersTo(state);

  it('has its cause in one line of why', () => {
    expect(why.split('\n').filter((line) => line.includes(state.cause))).toHaveLength(1);
  });

  it('has its cause in status', () => {
    const { status: part = state.cause } = state;
    if (part === '') expect(status).toEqual([]);
    else expect(status.join('\n')).toContain(part);
  });

  it('shows in the column of kubectl get', () => {
    expect(get).toBe(state.get);
  });

  it('has an Event, once on each object', () => {
    const said = events.map(({ kind, reason }) => `${kind} ${reason}`);
    expect(new Set(said).size).toBe(said.length);
    const reasons = events.map(({ reason }) => reason);
    if (state.event === undefined) expect(reasons).toEqual([]);
    else expect(reasons).toContain(state.event);
  });
});

it('stands in docs/reference/answers.md; make generate writes it', () => {
  const page = join(import.meta.dirname, '../../docs/reference/answers.md');
  expect(readFileSync(page, 'utf8')).toBe(answersPage());
});
