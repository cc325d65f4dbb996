import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '../contract/generated/types.ts';
import { describeAgents } from './debug.ts';
import type { PodReport } from './links/index.ts';

const SINCE = '2026-01-01T00:00:00Z';
const HASH = 'sha256:a';

const report = (pod: string, rest: Partial<PodReport> = {}): PodReport => ({
  namespace: 'support',
  agent: 'triage',
  pod,
  uid: `uid-${pod}`,
  connected: true,
  incompatible: false,
  since: SINCE,
  features: ['Limit.Requests'],
  ...rest,
});

const snapshot = (rest: Partial<Snapshot> = {}): Snapshot => ({
  type: 'Snapshot',
  configuration: { unsupported: [] },
  circuits: [],
  limits: [],
  transitions: [],
  missingCredentials: [],
  ...rest,
});

describe('/debug/agents', () => {
  it('lists the agents on a standby, and says that it does not lead', () => {
    expect(describeAgents(false, [{ key: 'support/triage', pods: [] }])).toEqual({
      leading: false,
      agents: [{ agent: 'support/triage', pods: [] }],
    });
  });

  it('shows the rest of a provider’s limit and the share of each pod', () => {
    const pods = [{ pod: 'a', held: 3, perSecond: 1, demand: 2 }];
    const which = { dependency: 'model/primary', resource: 'Requests' };
    const providerLimits = [{ ...which, limit: 100, remaining: 30, pods }];
    const { agents } = describeAgents(true, [{ key: 'support/triage', pods: [], providerLimits }]);
    expect(agents).toEqual([{ agent: 'support/triage', providerLimits, pods: [] }]);
  });

  it('shows revision, link and circuits of each pod at a glance', () => {
    const circuits: Snapshot['circuits'] = [
      { dependency: 'model/primary', state: 'Open', since: SINCE, reason: '5 failures' },
      { dependency: 'model/other', state: 'Closed', since: SINCE, reason: 'reset' },
    ];
    const gates: Snapshot['gates'] = [
      { dependency: 'model/primary', gate: 'RateLimited', until: SINCE },
      { dependency: 'model/other', gate: 'None' },
    ];
    const pods = [
      report('a', {
        hash: HASH,
        revision: { term: 3, counter: 7 },
        runtimeVersion: '1.2.3',
        snapshot: snapshot({ circuits, gates }),
      }),
      report('b', { connected: false, hash: 'sha256:old', revision: { term: 3, counter: 6 } }),
      report('c', { connected: false, incompatible: true }),
    ];
    const configuration = { revision: { term: 3, counter: 7 }, hash: HASH };
    const { agents } = describeAgents(true, [
      { key: 'support/triage', term: 3, configuration, pods },
    ]);
    expect(agents).toEqual([
      {
        agent: 'support/triage',
        term: 3,
        revision: '3-7',
        hash: HASH,
        pods: [
          {
            pod: 'a',
            link: 'Connected',
            since: SINCE,
            runtimeVersion: '1.2.3',
            revision: '3-7',
            current: true,
            circuits: { 'model/primary': 'Open: 5 failures', 'model/other': 'Closed' },
            gates: { 'model/primary': `RateLimited until ${SINCE}` },
          },
          {
            pod: 'b',
            link: 'NotConnected',
            since: SINCE,
            revision: '3-6',
            current: false,
            circuits: {},
          },
          { pod: 'c', link: 'Incompatible', since: SINCE, current: false, circuits: {} },
        ],
      },
    ]);
  });

  it('names objects that could not be applied and configurations that pods refused', () => {
    const refused = { source: 'Link', message: 'circuits[0] is wrong', time: SINCE };
    const configuration = { unsupported: [], refused };
    const applyErrors = [
      { kind: 'Service', name: 'triage', reason: 'AlreadyExists', message: 'it is not ours' },
    ];
    const pods = [report('a', { snapshot: snapshot({ configuration }) })];
    const { agents } = describeAgents(true, [{ key: 'support/triage', applyErrors, pods }]);
    expect(agents[0]).toMatchObject({
      applyErrors: ['Service triage: it is not ours'],
      pods: [{ refused: 'circuits[0] is wrong' }],
    });
  });
});
