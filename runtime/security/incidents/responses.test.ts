import { describe, expect, it } from '@jest/globals';
import type { Incident, Detection } from './incident.ts';
import { Incidents } from './incidents.ts';
import { Responses } from './responses.ts';
import type { ResponseRule } from './responses.ts';

const RULE: ResponseRule = {
  minLevel: 'Low',
  action: 'Block',
  durationMs: 5000,
  requestsPerMinute: 2,
  lift: 'Duration',
};
const ALICE = { id: 'alice', authentication: 'APIKey', name: 'alice' } as const;
/** The wall clock at the beginning. */
const EPOCH = 1_000_000;
const NOBODY = { id: '', authentication: 'None' } as const;

class Scene {
  now = 0;
  readonly incidents: Incidents;
  readonly responses: Responses;

  constructor(rules: Partial<ResponseRule>[], maxHolds = 100) {
    const now = (): number => this.now;
    this.responses = new Responses({
      ...{ now, time: () => EPOCH + this.now },
      isOpen: (incident) => this.incidents.isOpen(incident),
    });
    this.incidents = new Incidents({
      ...{ now, time: now, newId: () => 'id' },
      onIncident: (incident: Readonly<Incident>, detection: Detection) =>
        this.responses.begin(incident, detection),
    });
    this.incidents.apply({
      ...{ windowMs: 1000, maxTracked: 100, thresholds: {}, raiseAt: 10, manySources: 100 },
    });
    this.apply(rules, maxHolds);
  }

  apply(rules: Partial<ResponseRule>[], maxHolds = 100): void {
    this.responses.apply(
      rules.map((rule) => ({ ...RULE, ...rule })),
      maxHolds,
    );
  }

  see(detection: Partial<Detection> = {}): void {
    this.incidents.report({
      ...{ type: 'RateLimitAbuse', asset: 'Availability', denied: true, evidence: 'Seen.' },
      ...{ client: ALICE, source: '192.0.2.1' },
      ...detection,
    });
  }

  get alice(): string | undefined {
    return this.responses.client(ALICE)?.reason;
  }
}

describe('responses', () => {
  it('block one client for a time', () => {
    const scene = new Scene([{}]);
    expect(scene.alice).toBeUndefined();
    scene.see();
    expect(scene.responses.client(ALICE)).toMatchObject({
      reason: 'ClientBlocked',
      retryAfterMs: 5000,
    });
    expect(scene.responses.client({ ...ALICE, id: 'bob' })).toBeUndefined();
    // Others may be behind the same address.
    expect(scene.responses.source('192.0.2.1')).toBeUndefined();
    scene.now = 5000;
    expect(scene.alice).toBeUndefined();
    expect(scene.responses.size).toBe(0);
  });

  it('block the address of an unknown client', () => {
    const scene = new Scene([{}]);
    scene.see({ client: NOBODY, source: '2001:db8::1' });
    expect(scene.responses.source('2001:db8::2')?.reason).toBe('ClientBlocked');
    expect(scene.responses.source('192.0.2.1')).toBeUndefined();
  });

  it('throttle a client to a number of requests a minute', () => {
    const scene = new Scene([{ action: 'Throttle', durationMs: 600_000 }]);
    scene.see();
    expect([scene.alice, scene.alice]).toEqual([undefined, undefined]);
    expect(scene.responses.client(ALICE)).toMatchObject({
      reason: 'ClientThrottled',
      retryAfterMs: 30_000,
    });
    scene.now = 30_000;
    expect([scene.alice, scene.alice]).toEqual([undefined, 'ClientThrottled']);
  });

  it('end when the incident closes, if the rule says so', () => {
    const scene = new Scene([{ lift: 'Closed' }]);
    scene.see();
    scene.now = 1000;
    expect(scene.alice).toBe('ClientBlocked');
    scene.now = 1001;
    expect(scene.alice).toBeUndefined();
  });

  it('follow the first rule for the type and the level', () => {
    const scene = new Scene([
      { types: ['MalformedInput'], action: 'Report' },
      { types: ['RateLimitAbuse', 'MalformedInput'], minLevel: 'Medium' },
    ]);
    for (let i = 0; i < 9; i += 1) scene.see();
    scene.see({ type: 'MalformedInput' });
    expect(scene.alice).toBeUndefined();
    scene.see();
    expect(scene.alice).toBe('ClientBlocked');
  });

  it('end with changed rules, and stay under the same ones', () => {
    const scene = new Scene([{}]);
    scene.see();
    scene.apply([{}]);
    expect(scene.alice).toBe('ClientBlocked');
    scene.apply([{ durationMs: 6000 }]);
    expect(scene.alice).toBeUndefined();
  });

  it('are bounded in number, and none is for an incident with many sources', () => {
    const scene = new Scene([{}], 3);
    for (let i = 0; i < 1000; i += 1) scene.see({ client: NOBODY, source: `192.0.2.${i}` });
    expect(scene.responses.size).toBe(3);
    expect(scene.responses.source('192.0.2.0')?.reason).toBe('ClientBlocked');
    // What is over makes room.
    scene.now = 5000;
    scene.see({ client: NOBODY, source: '198.51.100.1' });
    expect(scene.responses.source('198.51.100.1')?.reason).toBe('ClientBlocked');
  });

  it('are reported while they are in force: for whom, why, since when and until when', () => {
    const scene = new Scene([
      { types: ['BruteForceAttack'], lift: 'Closed' },
      { action: 'Throttle', durationMs: 600_000 },
    ]);
    expect(scene.responses.inForce()).toEqual([]);
    const versions = [scene.responses.version];
    scene.see();
    versions.push(scene.responses.version);
    scene.now = 500;
    const guess = { type: 'BruteForceAttack', client: NOBODY, source: '2001:db8::1' } as const;
    scene.see(guess);
    versions.push(scene.responses.version);
    expect(scene.responses.inForce()).toMatchObject([
      {
        ...{ action: 'Block', source: '2001:db8:0:0', since: EPOCH + 500 },
        incident: { type: 'BruteForceAttack', level: 'Low' },
      },
      {
        ...{ action: 'Throttle', client: 'alice', since: EPOCH, until: EPOCH + 600_000 },
        incident: { type: 'RateLimitAbuse' },
      },
    ]);
    expect(scene.responses.byAction()).toEqual({ Throttle: 1, Block: 1 });
    // Its incident rises a level: the end moves, the beginning does not.
    for (let i = 0; i < 9; i += 1) scene.see();
    const [, throttled] = scene.responses.inForce();
    expect(throttled).toMatchObject({ since: EPOCH, until: EPOCH + 600_500 });
    versions.push(scene.responses.version);
    // The incident of the guesses closes, without a request that asks.
    scene.now = 1501;
    versions.push(scene.responses.version);
    expect(scene.responses.byAction()).toEqual({ Throttle: 1, Block: 0 });
    scene.now = 600_500;
    versions.push(scene.responses.version);
    expect(scene.responses.inForce()).toEqual([]);
    expect(versions).toEqual([...new Set(versions)]);
    expect(scene.responses.version).toBe(versions.at(-1));
  });
});
