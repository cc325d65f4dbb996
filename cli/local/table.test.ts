import { describe, expect, it } from '@jest/globals';
import type { AgentState } from './agentState.ts';
import { Screen } from '../terminal/screen.ts';
import { table } from './table.ts';

const NOW = new Date('2026-11-21T10:00:00Z');

const STATE: AgentState = {
  configuration: { unsupported: [] },
  openRequests: 0,
  circuits: [
    {
      dependency: 'model/primary',
      state: 'Open',
      since: NOW.toISOString(),
      reason: '5 consecutive failures (Overloaded)',
      nextProbe: '2026-11-21T10:00:07.400Z',
      requests: 9,
      rejected: 4,
      failures: { Overloaded: 5 },
    },
    {
      dependency: 'model/backup',
      state: 'Closed',
      since: NOW.toISOString(),
      requests: 0,
      rejected: 0,
      failures: {},
    },
  ],
  gates: [{ dependency: 'model/backup', gate: 'Unauthorized' }],
  transitions: [],
  limits: [
    {
      ...{ target: 'inbound', policy: 'turnstile', name: 'requests', usedPercent: 9 },
      ...{ limiting: false, requests: 9, rejected: 1, tokens: 91.7 },
    },
  ],
};

describe('the table', () => {
  it('has a line for each circuit, gate and limit', () => {
    const agents = [
      { name: 'triage', url: 'http://localhost:8080', state: STATE },
      { name: 'new' },
    ];
    expect(table(agents, NOW, 200)).toEqual([
      'AGENT   ADDRESS                DEPENDENCY     STATE               CALLS  FAILED  REJECTED  REASON',
      'triage  http://localhost:8080  model/primary  Open (probe in 8s)  9      5       4         5 consecutive failures (Overloaded)',
      '                               model/backup   Unauthorized        0      0       0',
      '                               inbound        91 left             9              1         limit requests',
      'new                                           Starting',
    ]);
    expect(table(agents, NOW, 20).every((line) => line.length <= 20)).toBe(true);
  });

  it('shows rejections and their reasons on 80 columns', () => {
    const agents = [{ name: 'triage', url: 'http://localhost:8080', state: STATE }];
    expect(table(agents, NOW, 80)).toEqual([
      'AGENT   DEPENDENCY     STATE               CALLS  FAILED  REJECTED  REASON',
      'triage  model/primary  Open (probe in 8s)  9      5       4         5 consecuti…',
      '        model/backup   Unauthorized        0      0       0',
      '        inbound        91 left             9              1         limit reque…',
    ]);
  });
});

describe('the screen', () => {
  it('prints only lines without a terminal', () => {
    let text = '';
    const screen = new Screen({ write: (more) => (text += more) });
    screen.update(['A']);
    screen.line('one');
    expect(text).toBe('one\n');
  });

  it('redraws the table of a terminal below the lines', () => {
    const writes: string[] = [];
    const screen = new Screen({ isTTY: true, rows: 5, write: (more) => writes.push(more) });
    screen.update(['A', 'B']);
    screen.update(['A', 'B']);
    screen.line('one');
    screen.update(['A', 'B', 'C', 'D']);
    expect(writes.pop()).toBe('\u001b[3F\u001b[J\nA\nB\nC\n');
    expect(writes).toEqual(['\nA\nB\n', '\u001b[3F\u001b[Jone\n\nA\nB\n']);
  });
});
