import { describe, expect, it } from '@jest/globals';
import type { CircuitStatus } from '../../../contract/generated/types.ts';
import { IGNORED, OK } from '../../resilience/outcome.ts';
import type { Outcome } from '../../resilience/outcome.ts';
import { FakeClock } from '../../testing/fakeClock.ts';
import { circuitOf, content } from '../../testing/guardFixture.ts';
import { Guard } from '../guard.ts';
import type { Permit } from '../permit.ts';

const OVERLOADED: Outcome = { vote: 'failure', class: 'Overloaded', message: 'HTTP 529' };
const KEY = { hash: 'key', mounted: true };
const ANSWER_MS = 3000;
const REFUSAL_MS = 50;

/** Calls of an endpoint in virtual time. */
class Bench {
  readonly clock = new FakeClock();
  readonly guard = new Guard({ clock: this.clock });
  others = false;
  served = 0;
  rejected = 0;

  constructor() {
    this.guard.apply(content({ circuits: [circuitOf({ openDurationMs: 20_000 })] }));
  }

  call(): Permit | undefined {
    const answer = this.guard
      .dependency('model/primary')!
      .acquire({ credential: KEY, others: { canServe: () => this.others } });
    if (answer.kind === 'Permit') return answer;
    this.rejected += 1;
    return undefined;
  }

  end(outcome: Outcome, count = 1): void {
    for (let i = 0; i < count; i += 1) this.call()?.settle(outcome);
  }

  /** One call every `everyMs` for `ms`, of which the provider takes `perSecond` in each second. */
  play(ms: number, everyMs: number, perSecond: number): void {
    for (let at = 0; at < ms; at += everyMs) {
      const permit = this.call();
      const taken = (at % 1000) / everyMs < perSecond;
      this.clock.setTimer(taken ? ANSWER_MS : REFUSAL_MS, () => {
        permit?.settle(taken ? OK : OVERLOADED);
        if (permit !== undefined && taken) this.served += 1;
      });
      this.clock.advance(everyMs);
    }
  }

  /** One call whose key is refused. */
  refuse(): void {
    const permit = this.call();
    permit?.refused('Unauthorized');
    permit?.settle(IGNORED);
  }

  state(): CircuitStatus['state'] {
    return this.guard.circuits()[0]!.state;
  }

  servedPercent(): number | undefined {
    return this.guard.circuits()[0]!.servedPercent;
  }
}

describe('the last endpoint that can serve', () => {
  it('serves half of the load where it can do half of it', () => {
    const bench = new Bench();
    bench.play(60_000, 25, 20);
    bench.clock.advance(ANSWER_MS);
    expect([bench.rejected, bench.served]).toEqual([0, 1200]);
  });

  it('is shut while another one serves', () => {
    const bench = new Bench();
    bench.others = true;
    bench.play(60_000, 25, 20);
    bench.clock.advance(ANSWER_MS);
    expect(bench.rejected).toBeGreaterThan(200);
  });

  it('is shut at the fifth failure after up to four successes', () => {
    const bench = new Bench();
    bench.end(OK, 4);
    bench.end(OVERLOADED, 4);
    expect(bench.state()).toBe('Closed');
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
  });

  it('is shut once five successes are 10 s old', () => {
    const bench = new Bench();
    bench.end(OK, 5);
    bench.end(OVERLOADED, 9);
    expect(bench.state()).toBe('Closed');
    bench.clock.advance(8999);
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Closed');
    bench.clock.advance(1001);
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
  });

  it('is shut when less than a tenth is served', () => {
    const bench = new Bench();
    bench.end(OK, 5);
    bench.end(OVERLOADED, 45);
    expect(bench.state()).toBe('Closed');
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
  });

  it('waits 10 s for a call that began before the failed one, because refusals outrun answers', () => {
    const bench = new Bench();
    const slow = bench.call()!;
    bench.end(OVERLOADED, 20);
    expect(bench.state()).toBe('Closed');
    bench.clock.advance(10_001);
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
    slow.settle(OK);
  });

  it('does not wait for a call that began after the failed one, or that has ended', () => {
    const bench = new Bench();
    const ended = bench.call()!;
    const failing = Array.from({ length: 5 }, () => bench.call()!);
    const later = bench.call()!;
    ended.settle(IGNORED);
    for (const permit of failing) permit.settle(OVERLOADED);
    expect(bench.state()).toBe('Open');
    later.settle(OK);
  });

  it('stays half-open after a failed probe while a tenth of its probes are served, and closes after two in a row', () => {
    const bench = new Bench();
    bench.end(OVERLOADED, 5);
    bench.clock.advance(40_000);
    bench.end(OK);
    bench.end(OVERLOADED, 8);
    bench.end(OK);
    expect(bench.state()).toBe('HalfOpen');
    bench.end(OK);
    expect(bench.state()).toBe('Closed');
  });

  it('opens again when less than a tenth of its probes are served, or another one serves', () => {
    const bench = new Bench();
    bench.end(OVERLOADED, 5);
    bench.clock.advance(40_000);
    bench.end(OK);
    bench.end(OVERLOADED, 9);
    expect(bench.state()).toBe('HalfOpen');
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
    bench.clock.advance(70_000);
    bench.end(OK);
    bench.others = true;
    bench.end(OVERLOADED);
    expect(bench.state()).toBe('Open');
  });

  it('keeps its opening gate open after a refused call while a tenth of those that try it are served', () => {
    const bench = new Bench();
    for (let i = 0; i < 5; i += 1) bench.refuse();
    expect(bench.guard.gates()[0]!.gate).toBe('Unauthorized');
    bench.clock.advance(2000);
    bench.end(OK);
    for (let i = 0; i < 9; i += 1) bench.refuse();
    bench.end(OK);
    expect(bench.rejected).toBe(0);
    bench.refuse();
    bench.others = true;
    bench.refuse();
    expect(bench.call()).toBeUndefined();
  });

  it('shows what it serves while its circuit stays closed because no other serves', () => {
    const bench = new Bench();
    bench.end(OK, 5);
    bench.end(OVERLOADED, 3);
    expect(bench.servedPercent()).toBeUndefined();
    bench.end(OVERLOADED, 2);
    expect([bench.state(), bench.servedPercent()]).toEqual(['Closed', 50]);
    bench.clock.advance(10_001);
    expect(bench.servedPercent()).toBeUndefined();
  });

  it('shows what it serves while its gate stays open because no other serves', () => {
    const bench = new Bench();
    bench.end(OK, 5);
    for (let i = 0; i < 9; i += 1) bench.refuse();
    expect(bench.guard.gates()[0]!.gate).toBe('None');
    expect(bench.servedPercent()).toBe(35);
  });

  it('shows no share once its circuit is open', () => {
    const bench = new Bench();
    bench.end(OK, 5);
    bench.end(OVERLOADED, 46);
    expect([bench.state(), bench.servedPercent()]).toEqual(['Open', undefined]);
  });
});
