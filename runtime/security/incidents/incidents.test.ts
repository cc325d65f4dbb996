import { describe, expect, it } from '@jest/globals';
import type { Incident, Detection } from './incident.ts';
import { Incidents } from './incidents.ts';
import type { IncidentsSpec } from './incidents.ts';

const SPEC: IncidentsSpec = {
  windowMs: 1000,
  maxTracked: 100,
  thresholds: { RateLimitAbuse: 3 },
  raiseAt: 10,
  manySources: 5,
};

const GUESS: Detection = {
  type: 'BruteForceAttack',
  asset: 'Access',
  denied: true,
  source: '192.0.2.1',
  evidence: 'Credentials were not accepted.',
};

interface Told {
  change: string;
  level: string;
  type: string;
}

const ESCALATION = {
  type: 'BruteForceAttack',
  count: 5,
  withinMs: 600,
  level: 'Critical',
} as const;

class Scene {
  now = 0;
  readonly told: Told[] = [];
  readonly incidents: Incidents;
  #ids = 0;

  constructor(spec: Partial<IncidentsSpec> = {}) {
    this.incidents = new Incidents({
      now: () => this.now,
      time: () => 1_000_000 + this.now,
      newId: () => `id-${(this.#ids += 1)}`,
      onIncident: ({ type, level }, _, change) => this.told.push({ change, level, type }),
    });
    this.incidents.apply({ ...SPEC, ...spec });
  }

  see(detection: Partial<Detection> = {}, times = 1): void {
    for (let i = 0; i < times; i += 1) this.incidents.report({ ...GUESS, ...detection });
  }

  open(): readonly Readonly<Incident>[] {
    return this.incidents.open();
  }
}

describe('incidents', () => {
  it('are one for equal detections from one source within the window', () => {
    const scene = new Scene();
    scene.see();
    scene.now = 1000;
    scene.see();
    expect(scene.open()).toMatchObject([{ id: 'id-1', count: 2, openedAt: 1_000_000 }]);
    scene.now = 2001;
    expect(scene.open()).toEqual([]);
    scene.see();
    expect(scene.open()).toMatchObject([{ id: 'id-2', count: 1 }]);
    expect(scene.told).toHaveLength(2);
    expect(scene.incidents.counts.BruteForceAttack.Low).toBe(2);
  });

  it('of different clients, sources, resources and forms are separate', () => {
    const scene = new Scene();
    const client = { id: 'alice', authentication: 'APIKey', name: 'alice' } as const;
    scene.see({ source: '192.0.2.1' });
    scene.see({ source: '192.0.2.2' });
    scene.see({ type: 'DataExfiltration', form: 'EgressRefused', client });
    // Whom a client names counts, not from where.
    scene.see({ type: 'DataExfiltration', form: 'EgressRefused', client, source: '192.0.2.9' });
    scene.see({ type: 'ToolMisuse', form: 'RepeatedCall', client });
    scene.see({
      type: 'ToolMisuse',
      form: 'RepeatedCall',
      client,
      resource: { type: 'tool', name: 'a' },
    });
    expect(scene.open().map(({ count }) => count)).toHaveLength(5);
    expect(scene.told).toHaveLength(5);
  });

  it('are Critical at the fifth wrong key within the time of a rule', () => {
    const scene = new Scene({ windowMs: 10_000, escalations: [ESCALATION] });
    for (const now of [0, 500, 1000, 1500, 2000, 2100, 2200, 2300]) {
      scene.now = now;
      scene.see();
    }
    expect(scene.open()).toMatchObject([{ count: 8, level: 'Low' }]);
    scene.now = 2400;
    scene.see();
    expect(scene.open()).toMatchObject([{ count: 9, level: 'Critical' }]);
    expect(scene.told.map(({ change, level }) => [change, level])).toEqual([
      ['Opened', 'Low'],
      ['Raised', 'Critical'],
    ]);
  });

  it('open by a rule with a level before their type opens them otherwise', () => {
    const { withinMs: _, ...rule } = { ...ESCALATION, type: 'RateLimitAbuse', count: 2 };
    const scene = new Scene({ escalations: [rule] });
    scene.see({ type: 'RateLimitAbuse', form: undefined }, 2);
    expect(scene.open()).toMatchObject([{ count: 2, level: 'Critical' }]);
  });

  it('count the addresses of one IPv6 network as one source', () => {
    const scene = new Scene();
    scene.see({ source: '2001:db8:1:2::1' });
    scene.see({ source: '2001:db8:1:2::2' });
    expect(scene.open()).toMatchObject([{ count: 2, source: '2001:db8:1:2' }]);
  });

  it('open at the number of detections that is their threshold', () => {
    const scene = new Scene();
    scene.see({ type: 'RateLimitAbuse' }, 2);
    expect(scene.open()).toEqual([]);
    scene.see({ type: 'RateLimitAbuse' });
    expect(scene.open()).toMatchObject([{ count: 3, level: 'Low' }]);
    scene.see({ type: 'RateLimitAbuse' }, 27);
    expect(scene.open()).toMatchObject([{ count: 30, level: 'Medium' }]);
  });

  it.each<[string, Partial<Detection>, number, string]>([
    ['one guess', {}, 1, 'Low'],
    ['ten guesses', {}, 10, 'Medium'],
    ['a hundred guesses', {}, 100, 'High'],
    ['a thousand guesses', {}, 1000, 'Critical'],
    ['ten thousand guesses', {}, 10_000, 'Critical'],
    ['a text that instructs the model', { type: 'PromptInjection', asset: 'Tools' }, 1, 'Medium'],
    ['a secret in a prompt', { type: 'SecretExposed', asset: 'Credentials' }, 1, 'High'],
    ['a secret in an answer', { type: 'DataExfiltration', asset: 'Credentials' }, 1, 'High'],
    ['use of what is others’', { type: 'SessionHijacking', asset: 'Conversations' }, 1, 'High'],
    ['a changed configuration', { type: 'ConfigurationTampering' }, 1, 'High'],
    [
      'a forbidden address',
      { type: 'DataExfiltration', form: 'EgressRefused', asset: 'Tools' },
      1,
      'High',
    ],
    ['a changed tool', { type: 'ToolChanged', asset: 'Tools' }, 1, 'High'],
  ])('of %s have a level by type, asset and count', (_, detection, times, level) => {
    const scene = new Scene();
    scene.see(detection, times);
    expect(scene.open()[0]?.level).toBe(level);
  });

  it('report each level once', () => {
    const scene = new Scene();
    scene.see({}, 200);
    expect(scene.told.map(({ change, level }) => `${change} ${level}`)).toEqual([
      'Opened Low',
      'Raised Medium',
      'Raised High',
    ]);
  });

  it('include a separate one for failed authentication from many sources', () => {
    const scene = new Scene();
    for (let i = 0; i < 4; i += 1) scene.see({ source: `192.0.2.${i}` });
    expect(scene.open().some(({ form }) => form === 'ManySources')).toBe(false);
    scene.see({ source: '192.0.2.4' });
    expect(scene.open()[0]).toMatchObject({ form: 'ManySources', level: 'High' });
    expect(scene.open()[0]).not.toHaveProperty('source', expect.anything());
    // They are forgotten one by one.
    scene.now = 2000;
    scene.see({ source: '192.0.2.7' });
    expect(scene.open().some(({ form }) => form === 'ManySources')).toBe(false);
  });

  it('include a separate one for many credentials from one source', () => {
    const scene = new Scene();
    for (let i = 0; i < 20; i += 1) scene.see({ credential: 'same' });
    for (const credential of ['b', 'c', 'd']) scene.see({ credential });
    expect(scene.open()).toHaveLength(1);
    scene.see({ credential: 'e' });
    scene.see({ credential: 'f' });
    expect(scene.open()[0]).toMatchObject({
      ...{ type: 'CredentialStuffing', form: 'ManyKeys', level: 'High' },
      ...{ count: 2, source: '192.0.2.1' },
    });
  });

  it('follow rules with names of an earlier version', () => {
    const rule = { ...ESCALATION, type: 'FailedAuthentication', count: 2 };
    const scene = new Scene({ thresholds: { LimitAbuse: 2 }, escalations: [rule] });
    scene.see({ type: 'RateLimitAbuse' });
    expect(scene.open()).toEqual([]);
    scene.see({}, 2);
    expect(scene.open()).toMatchObject([{ type: 'BruteForceAttack', level: 'Critical' }]);
  });

  it('are bounded in number, and keep known sources during a flood of new ones', () => {
    const scene = new Scene({ maxTracked: 3, manySources: 1000 });
    scene.see({ source: '192.0.2.1' });
    for (let i = 0; i < 10_000; i += 1) scene.see({ source: `198.51.${i >> 8}.${i & 255}` });
    const open = scene.open();
    expect(open).toHaveLength(4);
    expect(open.map(({ source }) => source)).toContain('192.0.2.1');
    expect(open[0]).toMatchObject({ count: 9998, level: 'Critical' });
    expect(open[0]!.source).toBeUndefined();
    expect(scene.told.length).toBeLessThan(10);
    scene.now = 5000;
    expect(scene.open()).toEqual([]);
  });

  it('contain no control characters and no long texts', () => {
    const scene = new Scene();
    scene.see({
      evidence: `a\u001b[31m\n${'b'.repeat(1000)}`,
      resource: { type: 'tool', name: `x\u202e\r${'y'.repeat(1000)}` },
      client: { id: 'm', authentication: 'JWT', name: `m\u0000${'z'.repeat(1000)}` },
    });
    const [incident] = scene.open();
    expect(JSON.stringify(incident)).not.toMatch(/\\u00|\\n|\\r|\u202e/);
    expect(JSON.stringify(incident).length).toBeLessThan(900);
  });

  it('follow changed figures and keep their counts', () => {
    const scene = new Scene();
    scene.see({ type: 'RateLimitAbuse' }, 2);
    scene.incidents.apply({ ...SPEC, thresholds: { RateLimitAbuse: 2 }, windowMs: 500 });
    scene.see({ type: 'RateLimitAbuse' });
    expect(scene.open()).toMatchObject([{ count: 3 }]);
    scene.now = 501;
    expect(scene.open()).toEqual([]);
  });
});
