import { describe, expect, it } from '@jest/globals';
import type { RequestDetection } from '../security/incidents/incident.ts';
import type { ToolUse } from './messages/messages.ts';
import { RunGuard } from './runGuard.ts';
import type { RunGuardSpec } from './runGuard.ts';

const NOTHING = { inputTokens: 0, outputTokens: 0 };

class Scene {
  now = 0;
  readonly told: RequestDetection[] = [];
  readonly guard: RunGuard;

  constructor(spec: Partial<RunGuardSpec> = {}) {
    this.guard = new RunGuard(
      { mode: 'Enforce', repeats: 3, exempt: [], messages: false, ...spec },
      { now: () => this.now, detected: (detection) => this.told.push(detection) },
    );
  }

  calls(...inputs: unknown[]): string[] {
    return inputs.map((input) => this.guard.judge(use('find', input), NOTHING).kind);
  }
}

function use(name: string, input: unknown): ToolUse {
  return { type: 'tool_use', id: 'toolu_1', name, input };
}

describe('the run guard', () => {
  it('answers the third call with the same arguments with a note, and ends the turn at the next', () => {
    const scene = new Scene();
    expect(scene.calls({ a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1, b: 2 }, { a: 1, b: 2 })).toEqual([
      'Runs',
      'Runs',
      'Noted',
      'Ends',
    ]);
    expect(scene.told.map(({ denied }) => denied)).toEqual([true, true]);
  });

  it('takes arguments of half a character for no other than themselves', () => {
    expect(new Scene().calls('\ud83d', '\ud83e', '\ud83d', '\ud83d')).toEqual([
      ...['Runs', 'Runs', 'Runs', 'Noted'],
    ]);
  });

  it('notices two calls that alternate', () => {
    expect(new Scene().calls(1, 2, 1, 2)).toEqual(['Runs', 'Runs', 'Runs', 'Noted']);
    expect(new Scene().calls(1, 2, 1, 3, 1 + 9)).not.toContain('Noted');
  });

  it('ignores other arguments and exempt tools', () => {
    expect(new Scene().calls(1, 2, 3, 4, 5, 6)).not.toContain('Noted');
    expect(new Scene({ exempt: ['find'] }).calls(1, 1, 1, 1, 1)).not.toContain('Noted');
  });

  it('only reports, and once, in the mode Report', () => {
    const scene = new Scene({ mode: 'Report' });
    expect(new Set(scene.calls(1, 1, 1, 1, 1))).toEqual(new Set(['Runs']));
    expect(scene.told).toMatchObject([{ type: 'ToolMisuse', form: 'RepeatedCall', denied: false }]);
  });

  it.each<[string, Partial<RunGuardSpec>]>([
    ['calls', { maxToolCalls: 1 }],
    ['tokens', { maxTokens: 2999 }],
    ['time', { maxDurationMs: 999 }],
    [
      'money',
      { cost: { maxCents: 1, inputCentsPerMillionTokens: 300, outputCentsPerMillionTokens: 5000 } },
    ],
  ])('caps %s', (_what, spec) => {
    const scene = new Scene(spec);
    expect(scene.calls(1)).toEqual(['Runs']);
    scene.now = 1000;
    const usage = { inputTokens: 1000, outputTokens: 2000 };
    expect(scene.guard.judge(use('find', 2), usage).kind).toBe('Noted');
    expect(scene.guard.judge(use('find', 3), usage).kind).toBe('Ends');
    expect(scene.told[0]).toMatchObject({ asset: 'Budget' });
  });
});
