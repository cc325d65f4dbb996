import { describe, expect, it } from '@jest/globals';
import type { IncidentReport, ResponseReport, Snapshot } from '../../contract/generated/types.ts';
import { observation, pod } from '../testing/observations.ts';
import { withoutFigures } from './figures.ts';
import { describeIncident, newIncidents, securityOf, type ShownSecurity } from './security.ts';

const GUESSED: IncidentReport = {
  id: 'i1',
  type: 'BruteForceAttack',
  level: 'Medium',
  count: 12,
  since: '2026-11-21T10:00:00Z',
  lastSeen: '2026-11-21T10:01:00Z',
  source: '192.0.2.1',
  message: 'Credentials were not accepted.',
};

const BLOCKED: ResponseReport = {
  ...{ action: 'Block', source: '192.0.2.1', incident: 'i1' },
  ...{ type: 'BruteForceAttack', level: 'High' },
  since: '2026-11-21T10:00:30Z',
  until: '2026-11-21T11:00:00Z',
};

function saw(
  name: string,
  incidents: IncidentReport[],
  {
    open = incidents.length,
    last = incidents[0],
    responses,
    types = ['BruteForceAttack'],
  }: {
    open?: number;
    last?: IncidentReport;
    responses?: ResponseReport[];
    types?: IncidentReport['type'][];
  } = {},
): ReturnType<typeof pod> {
  const made = pod(name);
  const security: NonNullable<Snapshot['security']> = {
    ...{ open, incidents },
    ...(last && { last }),
    ...(responses && { responses, responsesInForce: responses.length }),
    counts: types.map((type) => ({ type, count: 3 })),
    levels: [
      { level: 'Low' as const, open: 0, total: 3 },
      { level: 'Critical' as const, open: 1, total: 2 },
    ],
  };
  return { ...made, snapshot: { ...made.snapshot!, security } };
}

const of = (pods: ReturnType<typeof pod>[], previous?: ShownSecurity): ShownSecurity | undefined =>
  securityOf(observation(pods), previous).security;

describe('securityOf', () => {
  it('is absent until a pod has reported', () => {
    expect(of([pod('a')])).toBeUndefined();
    expect(of([saw('a', [])])).toMatchObject({ level: 'None', openIncidents: 0, open: [] });
  });

  it('sums the reports of pods, with the gravest incident first', () => {
    const grave: IncidentReport = { ...GUESSED, id: 'i2', level: 'High', type: 'SecretExposed' };
    const found = of([saw('a', [GUESSED], { open: 20 }), saw('b', [grave])]);
    expect(found).toMatchObject({
      level: 'High',
      openIncidents: 21,
      open: [
        { id: 'i2', pod: 'b' },
        { id: 'i1', pod: 'a', source: '192.0.2.1', since: '2026-11-21T10:00:00.000Z' },
      ],
      counts: [{ type: 'BruteForceAttack', count: 6 }],
      total: 6,
      levels: [
        { level: 'Critical', open: 2, total: 4 },
        { level: 'Low', open: 0, total: 6 },
      ],
    });
  });

  it('keeps the last incident when its pod is gone, and bounds what a pod reports', () => {
    const wild = { ...GUESSED, message: `a\n\u001b[31m${'b'.repeat(900)}`, client: 'x\ty' };
    const before = of([saw('a', [wild])])!;
    expect(before.last!.message).not.toMatch(/\p{Cc}/u);
    expect(before.last!.message.length).toBeLessThanOrEqual(256);
    expect(before.last!.client).toBe('x y');
    const after = of([saw('b', [])], before)!;
    expect(after).toMatchObject({ level: 'None', open: [], last: { id: 'i1', pod: 'a' } });
    expect(of([saw('b', [{ ...GUESSED, since: 'soon' }])])).toMatchObject({ open: [] });
  });

  it('has today’s names of types that earlier pods and an earlier status name otherwise', () => {
    const former = { ...GUESSED, type: 'AuthorizationDenied' };
    const unknown = { ...GUESSED, id: 'i2', type: 'OfTheFuture' };
    const found = of([saw('a', [former, unknown], { types: ['AuthorizationDenied', 'UnauthorizedAccess'] })]); // prettier-ignore
    expect(found?.open?.map(({ type }) => type)).toEqual(['UnauthorizedAccess']);
    expect(found?.counts).toMatchObject([{ type: 'UnauthorizedAccess' }]);
    const stored = {
      ...found,
      last: { ...found!.last!, type: 'LimitAbuse' },
    } as unknown as ShownSecurity;
    expect(of([], stored)?.last?.type).toBe('RateLimitAbuse');
  });

  it('shows ten incidents at most', () => {
    const many = Array.from({ length: 8 }, (_, i) => ({ ...GUESSED, id: `i${i}` }));
    expect(of([saw('a', many), saw('b', many)])?.open).toHaveLength(10);
  });
});

describe('the responses in a status', () => {
  it('are those of all pods, merged if they are equal, the strictest first', () => {
    const throttled: ResponseReport = {
      ...{ action: 'Throttle', client: 'alice', incident: 'i7', type: 'RateLimitAbuse' },
      ...{ level: 'Critical', since: '2026-11-21T10:02:00Z' },
    };
    const other = { ...BLOCKED, incident: 'i2', level: 'Medium', since: '2026-11-21T10:00:10Z' };
    const found = of([
      saw('a', [GUESSED], { responses: [throttled, BLOCKED] }),
      saw('b', [GUESSED], {
        responses: [{ ...other, until: '2026-11-21T11:05:00Z' } as ResponseReport],
      }),
      saw('c', []),
    ]);
    expect(found?.responsesInForce).toBe(3);
    expect(found?.responses).toEqual([
      {
        ...{ action: 'Block', source: '192.0.2.1', incident: 'i1', pods: 2 },
        ...{ type: 'BruteForceAttack', level: 'High' },
        since: '2026-11-21T10:00:10.000Z',
        until: '2026-11-21T11:05:00.000Z',
      },
      {
        ...{ action: 'Throttle', client: 'alice', incident: 'i7', pods: 1 },
        ...{ type: 'RateLimitAbuse', level: 'Critical', since: '2026-11-21T10:02:00.000Z' },
      },
    ]);
    // One that lasts until its incident closes has no end for all pods.
    const { until: _, ...open } = BLOCKED;
    const both = of([saw('a', [], { responses: [BLOCKED] }), saw('b', [], { responses: [open] })]);
    expect(both?.responses?.[0]).not.toHaveProperty('until');
  });

  it('are bounded in number and in length', () => {
    const many = (pod: number): ResponseReport[] =>
      Array.from({ length: 8 }, (_, i) => ({ ...BLOCKED, source: `10.0.${pod}.${i}` }));
    const two = [saw('a', [], { responses: many(1) }), saw('b', [], { responses: many(2) })];
    expect(of(two)).toMatchObject({ responsesInForce: 16 });
    expect(of(two)!.responses).toHaveLength(10);
    const wild = { ...BLOCKED, source: `1\n\u001b[31m${'2'.repeat(90)}` };
    const [shown] = of([saw('a', [], { responses: [wild] })])!.responses!;
    expect(shown!.source).toMatch(/^1 \[31m2+…?/);
    expect(shown!.source!.length).toBeLessThanOrEqual(64);
    const bad = [
      { ...BLOCKED, until: 'never' },
      { ...BLOCKED, since: 'ever' },
    ];
    expect(of([saw('a', [], { responses: bad })])!.responses).toEqual([]);
  });
});

describe('newIncidents', () => {
  it('returns incidents that are new or have escalated', () => {
    const first = of([saw('a', [GUESSED])])!;
    expect(newIncidents(undefined, first).map(({ id }) => id)).toEqual(['i1']);
    expect(newIncidents(first, of([saw('a', [{ ...GUESSED, count: 13 }])]))).toEqual([]);
    const escalated = of([saw('a', [{ ...GUESSED, level: 'High' }])]);
    expect(newIncidents(first, escalated)).toMatchObject([{ id: 'i1', level: 'High' }]);
    // One that opened and closed between two looks is seen too.
    const last = { ...GUESSED, id: 'i9' };
    expect(newIncidents(first, of([saw('a', [], { last })], first))).toMatchObject([{ id: 'i9' }]);
  });

  it('are described in a sentence', () => {
    const [incident] = newIncidents(undefined, of([saw('a', [GUESSED])]));
    expect(describeIncident(incident!)).toBe(
      'Medium threat: BruteForceAttack from 192.0.2.1, seen 12 times in pod a. Credentials were not accepted.',
    );
  });
});

describe('the verdict in a status with incidents', () => {
  const verdict = (security: ShownSecurity): unknown =>
    withoutFigures({ conditions: [], security });

  it('changes with the level, and not with further incidents', () => {
    const low = verdict(of([saw('a', [GUESSED])])!);
    expect(verdict(of([saw('a', [{ ...GUESSED, level: 'High' }])])!)).not.toEqual(low);
    expect(verdict(of([saw('a', [{ ...GUESSED, id: 'i2' }])])!)).toEqual(low);
    expect(verdict(of([saw('a', [{ ...GUESSED, count: 13 }])])!)).toEqual(low);
  });

  it('changes when an incident of a new type has come', () => {
    const known = of([saw('a', [GUESSED])])!;
    const types: IncidentReport['type'][] = ['BruteForceAttack', 'RateLimitAbuse'];
    const low = { ...GUESSED, id: 'i2', type: 'RateLimitAbuse' as const };
    const next = of([saw('a', [GUESSED, low], { types })])!;
    expect(verdict(next)).not.toEqual(verdict(known));
  });

  it('changes when the first client is blocked, and not with the second', () => {
    const before = of([saw('a', [GUESSED])])!;
    const held = of([saw('a', [GUESSED], { responses: [BLOCKED] })])!;
    expect(verdict(held)).not.toEqual(verdict(before));
    const more = [BLOCKED, { ...BLOCKED, source: '192.0.2.2' }];
    expect(verdict(of([saw('a', [GUESSED], { responses: more })])!)).toEqual(verdict(held));
  });
});
