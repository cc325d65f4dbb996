import { expect, it } from '@jest/globals';
import type { Command, Content } from '../../contract/generated/types.ts';
import { FLEET } from '../../contract/link.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { FleetHost, type FleetLinks } from './fleetHost.ts';
import type { FleetContext, FleetService, PodChange } from './fleetService.ts';

const AGENT = 'default/triage';
const OTHER = 'default/other';

/** A service that only notes what the host does. */
class Noted implements FleetService {
  readonly calls: string[] = [];
  readonly context: FleetContext;
  nextAt = Infinity;
  isAwaited = true;
  leave?: () => void;

  constructor(context: FleetContext, leaves: boolean) {
    this.context = context;
    if (leaves) this.leave = () => void this.calls.push('leave');
  }

  configure(): void {
    this.calls.push('configure');
  }

  pods(_pods: unknown, change: PodChange): void {
    this.calls.push(change);
  }

  tick(): number {
    this.calls.push('tick');
    return this.nextAt;
  }

  end(why: string): void {
    this.calls.push(why);
  }
}

interface Services {
  stays: Noted;
  ends: Noted;
}

function leading(terms: Record<string, number> = {}): {
  host: FleetHost<Services>;
  clock: FakeClock;
  sent: Command[];
  change: (key: string) => void;
  /** The contexts of services as they were made. */
  created: FleetContext[];
} {
  const clock = new FakeClock();
  const sent: Command[] = [];
  const created: FleetContext[] = [];
  let change: (key: string) => void = () => undefined;
  const links: FleetLinks = {
    podsOf: () => [],
    targetOf: () => undefined,
    send: (_uid, command) => sent.push(command),
    onChange: (listener) => {
      change = (key) => listener(key, 'State');
      return () => (change = () => undefined);
    },
    onMessage: () => () => undefined,
  };
  const host = new FleetHost<Services>({
    ...{ links, clock, random: () => 0.5 },
    kinds: {
      stays: {
        isUsed: ({ limits }) => limits.length > 0,
        create: (context) => {
          created.push({ ...context });
          return new Noted(context, true);
        },
      },
      ends: {
        isUsed: ({ circuits }) => circuits.length > 0,
        create: (context) => new Noted(context, false),
      },
    },
  });
  host.lead({
    ...{ session: 'a', leads: () => true, agents: [AGENT], beforeMs: 7 },
    ...{ termOf: (key) => terms[key] ?? 1, onChange: () => undefined },
  });
  return { host, clock, sent, created, change: (key) => change(key) };
}

const content = (limits: number, circuits: number): { content: Content } =>
  ({ content: { limits: Array(limits).fill({}), circuits: Array(circuits).fill({}) } }) as never;

it('a service gets the pods before its first configuration, and ends when the configuration no longer uses it', () => {
  const { host } = leading();
  host.configure(AGENT, content(1, 1));
  const { stays, ends } = host.of(AGENT);
  host.configure(AGENT, content(1, 0));
  expect(host.of(AGENT)).toEqual({ stays });
  expect(stays!.calls).toEqual(['State', 'configure', 'tick', 'configure', 'tick']);
  expect(ends!.calls).toEqual(['State', 'configure', 'tick', 'Unused']);
});

it('a service waits for the former leader only with the first configuration of an agent from before the term', () => {
  const beforeOf = (key: string, ...contents: { content: Content }[]): number | undefined => {
    const { host, created } = leading();
    for (const each of contents) host.configure(key, each);
    return created[0]!.beforeMs;
  };
  expect(beforeOf(AGENT, content(1, 0))).toBe(7);
  expect(beforeOf(OTHER, content(1, 0))).toBeUndefined();
  expect(beforeOf(AGENT, content(0, 0), content(1, 0))).toBeUndefined();
});

it('a message gets the term that the agent has when it is sent', () => {
  const terms = { [AGENT]: 3 };
  const { host, sent } = leading(terms);
  host.configure(AGENT, content(1, 0));
  const { context } = host.of(AGENT).stays!;
  context.send('uid', { type: 'Siblings', pods: [] });
  terms[AGENT] = 4;
  context.send('uid', { type: 'Siblings', pods: [] });
  expect(sent.map(({ term }) => term)).toEqual([3, 4]);
});

it('an agent has one timer, for the earliest of its services', async () => {
  const { host, clock, change } = leading();
  host.configure(AGENT, content(1, 1));
  const { stays, ends } = host.of(AGENT);
  stays!.nextAt = clock.monotonic() + 500;
  ends!.nextAt = clock.monotonic() + 200;
  change(AGENT);
  const before = stays!.calls.length;
  stays!.nextAt = ends!.nextAt = Infinity;
  await clock.advance(1_000);
  expect(stays!.calls.slice(before)).toEqual(['tick']);
});

it('a leader that stops waits for the services on which pods depend, and no longer than leavingMs', async () => {
  const { host, clock, change } = leading();
  host.configure(AGENT, content(1, 1));
  const { stays, ends } = host.of(AGENT);
  let left = 0;
  const leaving = host.leave().then(() => (left += 1));
  expect(ends!.calls.at(-1)).toBe('Deposed');
  change(AGENT);
  await clock.advance(100);
  expect(left).toBe(0);
  stays!.isAwaited = false;
  change(AGENT);
  await leaving;

  const slow = leading();
  slow.host.configure(AGENT, content(1, 0));
  const late = slow.host.leave();
  await slow.clock.advance(FLEET.leavingMs);
  await late;
  slow.host.close();
  expect(slow.host.of(AGENT)).toEqual({});
});
