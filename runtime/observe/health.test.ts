import { afterEach, describe, expect, it } from '@jest/globals';
import type { CircuitStatus, GateStatus } from '../../contract/generated/types.ts';
import { send } from '../testing/client.ts';
import { TOUCHY } from '../testing/configuration.ts';
import { Cleanups, setup } from '../testing/setup.ts';
import { answerJson } from '../testing/upstream.ts';
import { dependenciesOf } from './health.ts';

const cleanups = new Cleanups();
afterEach(() => cleanups.run());

const CLOSED: CircuitStatus = {
  dependency: 'model/north',
  state: 'Closed',
  since: '2026-01-01T00:00:00.000Z',
};
const OPEN: CircuitStatus = {
  ...CLOSED,
  state: 'Open',
  nextProbe: '2026-01-01T00:01:00.000Z',
  lastFailure: { class: 'Timeout', message: 'of somebody', time: '2026-01-01T00:00:00.000Z' },
};

function healthOf(
  circuit: CircuitStatus,
  gate: GateStatus['gate'] = 'None',
  until?: string,
): unknown {
  const facts = {
    configured: () => true,
    listening: () => true,
    leaving: () => false,
    lagMs: () => 0,
    links: () => 2,
    circuits: () => [circuit],
    gates: () => [{ dependency: 'model/north', gate, ...(until !== undefined && { until }) }],
  };
  return dependenciesOf(facts);
}

const operator = { ok: true, detail: '2 links' };

describe('the health of what an agent depends on', () => {
  it('is told by circuit and gate', () => {
    expect(healthOf(CLOSED)).toEqual({ operator, 'model/north': { ok: true, circuit: 'Closed' } });
    expect(healthOf(CLOSED, 'SpendLimit')).toEqual({
      operator,
      'model/north': { ok: false, circuit: 'Closed', gate: 'SpendLimit' },
    });
  });

  it('is good where an open circuit rejects nothing', () => {
    expect(healthOf({ ...OPEN, shadow: true })).toMatchObject({ 'model/north': { ok: true } });
  });

  it('is told with the later of two times, and without what a failure said', () => {
    expect(healthOf(OPEN, 'RateLimited', '2026-01-01T01:00:00.000Z')).toEqual({
      operator,
      'model/north': {
        ok: false,
        circuit: 'Open',
        gate: 'RateLimited',
        until: '2026-01-01T01:00:00.000Z',
        lastFailure: { class: 'Timeout', time: '2026-01-01T00:00:00.000Z' },
      },
    });
  });

  it('is shown at /health/ready and makes no pod unready', async () => {
    const of = await setup(cleanups, (response) => answerJson(response, {}, 500), {
      circuits: [TOUCHY],
    });
    await send(of.agent.url);
    const answer = await fetch(`${of.agent.url}/health/ready`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'ok',
      components: { configuration: { ok: true }, shutdown: { ok: true }, eventLoop: { ok: true } },
      dependencies: {
        operator: { ok: false, detail: '0 links' },
        'model/primary': { ok: false, circuit: 'Open', lastFailure: { class: 'ServerError' } },
      },
    });
    expect(of.endpoint.seen).toHaveLength(1);
    const live = (await (await fetch(`${of.agent.url}/health/live`)).json()) as object;
    expect(live).not.toHaveProperty('dependencies');
  });
});
