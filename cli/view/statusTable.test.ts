import { describe, expect, it } from '@jest/globals';
import { stripVTControlCharacters } from 'node:util';
import {
  agent,
  ago,
  attacked,
  breaker,
  condition,
  guarded,
  limit,
  NOW,
  openBreaker,
  pod,
  scaled,
  world,
} from './fixtures.ts';
import { statusRows, statusTable, type StatusRow } from './statusTable.ts';
import type { World } from './world.ts';

const table = (parts: Partial<World>, width = Infinity, namespaces = false): string[] =>
  statusTable(statusRows(world(parts)), { now: NOW, width, colours: false, namespaces });

const row = (parts: Partial<World>, kind: StatusRow['kind']): StatusRow | undefined =>
  statusRows(world(parts)).find((one) => one.kind === kind && one.level !== 'ok');

const DOWN = condition('DependenciesHealthy', 'False', 'CircuitOpen', 'The circuit is open.');
const broken = { agents: [agent([DOWN], { circuit: 'Open' })], breakers: [openBreaker()] };

describe('statusTable', () => {
  it('shows an agent with its circuits, limits and pods', () => {
    expect(table({})).toEqual([
      'NAME                        STATE    PODS  SINCE  REASON',
      'triage                      Ready    2/2   4m',
      '  circuit model/primary     Closed',
      '  limit turnstile/requests  Flowing        4m     7% used, 3 rejected',
      '  pod triage-a              Ready          60m',
      '  pod triage-b              Ready          60m',
    ]);
  });

  it('shows since when and why a circuit is open, and when the next probe goes', () => {
    expect(table(broken)[2]).toBe(
      '  circuit model/primary     Open     2/2   40s    in 12s  5 consecutive failures (Overloaded)',
    );
  });

  it('shows which clients are blocked, in how many pods, since when, until when and why', () => {
    expect(table({ agents: [guarded()] }).slice(3, 5)).toEqual([
      '  address 192.0.2.1         Blocked    2     40s    in 9m20s  BruteForceAttack of level High, incident i1',
      '  client alice              Throttled  1     10s              RateLimitAbuse of level Low, incident i2',
    ]);
  });

  it('names the model of a circuit where an endpoint serves several', () => {
    const policy = openBreaker();
    const [circuit] = policy.status!.circuits!;
    policy.status!.circuits = [
      { ...circuit!, model: 'opus' },
      { ...circuit!, state: 'Closed' },
    ];
    const lines = table({ ...broken, breakers: [policy] });
    expect(lines[2]).toMatch(
      /^ {2}circuit model\/primary \(opus\) +Open .* 5 consecutive failures/,
    );
    expect(lines[3]).toMatch(/^ {2}circuit model\/primary +Closed/);
  });

  it('prints reasons on separate lines in a narrow terminal, and is never wider', () => {
    const lines = table(broken, 70);
    expect(lines).toContain('    5 consecutive failures (Overloaded)');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(70);
    expect(Math.max(...table(broken, 24).map(({ length }) => length))).toBe(24);
  });

  it('shows the whole cause at 80 columns', () => {
    const cause =
      '1/2 pods are ready, 2 are needed. 1/2 pods run the present template. Pod c, container agent: ImagePullBackOff: no such tag.';
    const agents = [agent([condition('Ready', 'False', 'PodsBlocked', cause)])];
    const lines = table({ agents }, 80);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(80);
    expect(lines.map((line) => line.trim()).join(' ')).toContain(cause);
  });

  it('shortens names, and no figure, where the columns do not fit', () => {
    const name = 'triage-of-a-department-with-a-long-name-67f9c9b7d5-abcde';
    const lines = table({ pods: [pod(name)] }, 44);
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}pod triag…\S*-abcde +Ready +60m$/));
    expect(lines.join('\n')).toContain('2/2');
  });

  it('says why an override holds a circuit, not why it once began', () => {
    const held = condition('Tripped', 'True', 'Override', 'spec.override (second) holds circuits.');
    const { status, ...rest } = openBreaker();
    const breakers = [{ ...rest, status: { ...status, conditions: [held] } }];
    expect(row({ ...broken, breakers }, 'circuit')).toMatchObject({ reason: held.message });
  });

  it('shows a rollout that does not end', () => {
    const waits = condition('Progressing', 'True', 'RollingOut', '1/2 pods run it.');
    expect(row({ agents: [agent([waits])] }, 'agent')).toMatchObject({ state: 'RollingOut' });
  });

  it('puts trouble first', () => {
    const named = (name: string, one = agent()) => ({
      ...one,
      metadata: { ...one.metadata, name },
    });
    const agents = [
      named('a'),
      named('b', agent([condition('Degraded', 'True', 'RollOutFailed')])),
      named('c', agent([condition('Ready', 'False', 'SecretNotFound')])),
    ];
    const rows = statusRows(world({ agents, breakers: [], limits: [], pods: [] }));
    const names = rows.filter(({ kind }) => kind === 'agent').map(({ name }) => name);
    expect(names).toEqual(['c', 'b', 'a']);
  });

  it('shows open incidents, a missing KEDA and autoscaling that does not scale', () => {
    expect(row({ agents: [attacked()] }, 'incident')).toMatchObject({
      name: 'BruteForceAttack',
      state: 'Critical',
    });
    const keda = scaled(condition('ScaledByLoad', 'False', 'Absent'));
    expect(row({ agents: [keda] }, 'condition')).toMatchObject({ name: 'ScaledByLoad' });
    const idle = scaled(condition('ScalingManaged', 'False', 'FailedGetMetrics'));
    expect(row({ agents: [idle] }, 'condition')).toMatchObject({ state: 'FailedGetMetrics' });
  });

  it('colours only states, and only on request', () => {
    const options = { now: NOW, width: 120, namespaces: false };
    const plain = statusTable(statusRows(world(broken)), { ...options, colours: false });
    const painted = statusTable(statusRows(world(broken)), { ...options, colours: true });
    expect(painted[2]).toContain('\u001b[31mOpen\u001b[0m ');
    expect(painted.map((line) => stripVTControlCharacters(line))).toEqual(plain);
  });

  it('shows namespaces once for each agent', () => {
    const [head, first, second] = table({}, Infinity, true);
    expect([head, first, second].map((line) => line!.slice(0, 11))).toEqual([
      'NAMESPACE  ',
      'shop       ',
      '           ',
    ]);
  });

  it('shows a shut gate with the time at which it opens', () => {
    const message = "The provider's spend limit holds calls back.";
    const healthy = condition('DependenciesHealthy', 'False', 'SpendLimit', message, 60);
    const agents = [agent([healthy], { gate: 'SpendLimit', until: ago(-600) })];
    expect(row({ agents }, 'gate')).toMatchObject({
      name: 'model/primary',
      state: 'SpendLimit',
      since: ago(60),
      next: ago(-600),
      reason: message,
    });
  });

  it('names renamed and removed fields of an agent and of a policy, as no fault', () => {
    const message = 'spec.limits was renamed in 0.2.0 and is read until 0.3.0.';
    const fields = condition('DeprecatedFields', 'True', 'FieldsRenamed', message);
    const rows = statusRows(world({ agents: [agent([fields])], breakers: [breaker([fields])] }));
    const named = rows.filter(({ reason }) => reason === message);
    expect(named.map(({ kind, state, level }) => [kind, state, level])).toEqual([
      ['agent', 'Ready', 'ok'],
      ['policy', 'FieldsRenamed', 'ok'],
    ]);
  });

  it('omits since when a gate is shut if the status does', () => {
    const agents = [agent([DOWN], { gate: 'Unauthorized' })];
    expect(row({ agents }, 'gate')).toMatchObject({ since: undefined });
  });

  it.each([
    [
      'a limit that is used up',
      { limits: [limit([condition('Exhausted', 'True', 'Limiting', 'Used up.')], usedUp())] },
      'limit',
      { state: 'Limiting', pods: '1/2', reason: 'Used up.', level: 'bad' },
    ],
    [
      'a policy in conflict',
      { breakers: [breaker([condition('Accepted', 'False', 'Conflicted', 'Others hold it.')])] },
      'policy',
      { name: 'CircuitBreakerPolicy patience', state: 'Conflicted', reason: 'Others hold it.' },
    ],
    [
      'a policy for no agent',
      { agents: [], breakers: [breaker([condition('Accepted', 'False', 'TargetNotFound')])] },
      'policy',
      { namespace: 'shop', state: 'TargetNotFound' },
    ],
    [
      'a pod that a policy waits for',
      { breakers: [breaker([condition('Programmed', 'False', 'Pending', 'waiting: triage-b')])] },
      'pod',
      { name: 'triage-b', state: 'Pending', level: 'warn' },
    ],
    [
      'a pod that does not start',
      {
        pods: [
          pod('triage-a', false, {
            containerStatuses: [
              {
                ...{ name: 'agent', ready: false, restartCount: 0, image: '', imageID: '' },
                state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
              },
            ],
          }),
        ],
      },
      'pod',
      { state: 'ImagePullBackOff', reason: 'no such image' },
    ],
    [
      'an agent that is not ready',
      { agents: [agent([condition('Ready', 'False', 'SecretNotFound', 'Create it.')])] },
      'agent',
      { state: 'SecretNotFound', reason: 'Create it.', level: 'bad' },
    ],
  ] as const)('shows %s', (_, parts, kind, expected) => {
    expect(row(parts, kind)).toMatchObject(expected);
  });

  it('shows a circuit in shadow mode as clients see it', () => {
    const breakers = [openBreaker({ mode: 'Shadow' })];
    const rows = statusRows(world({ breakers }));
    expect(rows[1]).toMatchObject({ state: 'Closed (shadow: Open)', level: 'ok' });
  });
});

function usedUp(): Parameters<typeof limit>[1] {
  return { state: 'Limiting', pods: { total: 2, limiting: 1 } };
}
