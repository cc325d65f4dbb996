import { afterEach, describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealedEvent } from '../../contract/audit.ts';
import type { Content } from '../../contract/generated/types.ts';
import type { Parts } from '../testing/resolved.ts';
import { send } from '../testing/client.ts';
import { AUDIT, configuration } from '../testing/configuration.ts';
import { ocsfFaults } from '../testing/ocsf/ocsf.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import type { Setup } from '../testing/setup.ts';
import { until } from '../testing/until.ts';
import { MESSAGE, answerJson } from '../testing/upstream.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

async function withKeys(content: Parts<Content> = {}): Promise<Setup> {
  const of = await setup(cleanups, (response) => answerJson(response, MESSAGE));
  const path = join(of.agent.directory, 'clients');
  await mkdir(path);
  await writeFile(join(path, 'alice'), 'sesame');
  const auth = { type: 'APIKeys', apiKeys: { path, secret: 'clients' } };
  const pushed = configuration(
    of.endpoint.url,
    { auth, audit: AUDIT, ...content },
    {
      term: 1,
      counter: 2,
    },
  );
  of.agent.runtime.configuration.offerPush(1, pushed);
  return of;
}

type Finding = SealedEvent & {
  severity: string;
  finding_info: { uid: string; title: string };
} & Record<string, unknown>;

async function findings({ agent }: Setup, count: number): Promise<Finding[]> {
  const found = (): Finding[] =>
    agent.audited
      .map((line) => JSON.parse(line) as Finding)
      .filter(({ metadata }) => metadata.event_code === 'SecurityIncident');
  await until(() => found().length >= count);
  return found();
}

async function metric({ agent }: Setup, name: string): Promise<string[]> {
  const text = await (await fetch(`${agent.metricsUrl}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) && !line.endsWith(' 0'));
}

describe('incidents of a runtime', () => {
  it('are detected in guessed keys, and reported in the log, in metrics and as findings in the audit', async () => {
    const of = await withKeys();
    for (let i = 0; i < 9; i += 1) {
      await send(of.agent.url, { headers: { 'x-api-key': `guess-${i}` } });
    }
    const [opened, raised] = await findings(of, 2);
    expect(opened).toMatchObject({
      class_uid: 2004,
      severity: 'Low',
      status_code: 'BruteForceAttack',
      action: 'Denied',
      count: 1,
      evidences: [{ src_endpoint: { ip: '127.0.0.1' } }],
    });
    expect(raised).toMatchObject({ severity: 'Critical', count: 5 });
    expect(raised!.finding_info.uid).toBe(opened!.finding_info.uid);
    for (const event of [opened!, raised!]) {
      const { stream: _, ...plain } = event as Finding & { stream?: string };
      expect(ocsfFaults(plain)).toEqual([]);
    }
    const { security } = of.agent.runtime.snapshot();
    expect(security).toMatchObject({
      open: 1,
      incidents: [{ type: 'BruteForceAttack', level: 'Critical', source: '127.0.0.1' }],
      counts: [{ type: 'BruteForceAttack', count: 1 }],
    });
    const levels = [
      { level: 'Low', open: 0, total: 1 },
      { level: 'Critical', open: 1, total: 1 },
    ];
    expect(security!.levels).toEqual(levels);
    const page = await (await fetch(`${of.agent.debugUrl}/debug/security`)).json();
    expect(page).toMatchObject({ open: 1, levels, counts: [{ count: 1 }] });
    expect(security!.last!.id).toBe(opened!.finding_info.uid);
    expect(await metric(of, 'security_incidents_total')).toEqual([
      'security_incidents_total{type="BruteForceAttack",level="Low"} 1',
      'security_incidents_total{type="BruteForceAttack",level="Critical"} 1',
    ]);
    expect(await metric(of, 'security_incidents_open')).toEqual([
      'security_incidents_open{level="Critical"} 1',
    ]);
    const lines = of.agent.logs.filter((line) => line.includes('"module":"security"'));
    expect(lines).toHaveLength(2);
    expect(JSON.parse(lines[0]!)).toMatchObject({ level: 40, threat: 'Low' });
    expect(lines.join('') + of.agent.audited.join('')).not.toContain('guess-');
  });

  it('are detected in malformed input and in limits that reject a client', async () => {
    const limit = {
      target: 'inbound',
      policy: 'few',
      name: 'requests',
      resource: 'Requests',
      refill: { amount: 1, perMs: 3_600_000 },
      capacity: 1,
    };
    const security = { incidents: { thresholds: { MalformedInput: 2, RateLimitAbuse: 2 } } };
    const base = configuration('http://127.0.0.1:1').content.security.incidents;
    const of = await withKeys({
      limits: [limit],
      security: { incidents: { ...base, ...security.incidents } },
    });
    const headers = { 'x-api-key': 'sesame' };
    for (const body of ['{', '{', '{"model":"m"}', '{"model":"m"}', '{"model":"m"}']) {
      await send(of.agent.url, { headers, body });
    }
    const [malformed, abuse] = await findings(of, 2);
    expect(malformed).toMatchObject({
      status_code: 'MalformedInput',
      evidences: [{ actor: { user: { uid: 'alice' } } }],
    });
    expect(abuse).toMatchObject({ status_code: 'RateLimitAbuse', count: 2 });
  });

  it('block a client, or an address of guesses, but no known clients at that address', async () => {
    const { incidents } = configuration('http://127.0.0.1:1').content.security;
    const thresholds = { ...incidents.thresholds, MalformedInput: 2, BruteForceAttack: 2 };
    const rule = {
      ...{ minLevel: 'Low', action: 'Block', lift: 'Duration' },
      requestsPerMinute: 1,
    };
    const of = await withKeys({
      security: {
        incidents: { ...incidents, thresholds },
        responses: [{ ...rule, durationMs: 60_000 }],
      },
    } as Parts<Content>);
    const ask = async (key: string, body?: string): Promise<unknown> => {
      const answer = await send(of.agent.url, {
        headers: { 'x-api-key': key },
        ...(body !== undefined && { body }),
      });
      return answer.headers['x-breakwater-reason'] ?? answer.status;
    };
    expect(await ask('sesame')).toBe(200);
    expect([await ask('guess-1'), await ask('guess-2'), await ask('guess-3')]).toEqual([
      'Unauthorized',
      'Unauthorized',
      'ClientBlocked',
    ]);
    expect(await ask('sesame')).toBe(200);
    expect([await ask('sesame', '{'), await ask('sesame', '{'), await ask('sesame')]).toEqual([
      'InvalidRequest',
      'InvalidRequest',
      'ClientBlocked',
    ]);
    const { security } = of.agent.runtime.snapshot();
    expect(security).toMatchObject({
      responsesInForce: 2,
      responses: expect.arrayContaining([
        expect.objectContaining({ action: 'Block', client: 'alice', type: 'MalformedInput' }),
        expect.objectContaining({ source: '127.0.0.1', type: 'BruteForceAttack' }),
      ]),
    });
    for (const { since, until: end } of security!.responses!) {
      expect(Date.parse(end!) - Date.parse(since)).toBe(60_000);
    }
    expect(await metric(of, 'security_responses_in_force')).toEqual([
      'security_responses_in_force{action="Block"} 2',
    ]);
  });
});
