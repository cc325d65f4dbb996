import { Registry } from 'prom-client';
import { FakeClock, settle } from './fakeClock.ts';
import { Links, type LinksOptions } from '../links/links.ts';
import type { ChangeKind } from '../links/report.ts';
import type { PodTarget } from '../links/target.ts';
import { type FakeSocket, fakeDial } from './fakeSocket.ts';
import { AGENT, hello, review, snapshot, target } from './messages.ts';

/** Keeps log lines as text. */
export class MemoryLogger {
  readonly lines: string[] = [];
  readonly debug = (...entry: unknown[]): number =>
    this.lines.push(JSON.stringify(['debug', entry]));
  readonly info = (...entry: unknown[]): number => this.lines.push(JSON.stringify(['info', entry]));
  readonly warn = (...entry: unknown[]): number => this.lines.push(JSON.stringify(['warn', entry]));
  readonly error = (...entry: unknown[]): number =>
    this.lines.push(JSON.stringify(['error', entry]));
}

export interface Harness {
  links: Links;
  clock: FakeClock;
  sockets: FakeSocket[];
  logger: MemoryLogger;
  registry: Registry;
  changes: [string, ChangeKind][];
  term: { value: number };
  lead: AbortController;
  /** The last socket to the pod. */
  socketTo: (pod: PodTarget) => FakeSocket;
  /** Opens the last socket to the pod and sends Hello, and with a hash also a snapshot. */
  connect: (pod: PodTarget, hash?: string, highestTerm?: number) => Promise<FakeSocket>;
}

/** Links of a leader with term 1, over fake sockets and a fake clock. */
export function harness(options: Partial<LinksOptions> = {}): Harness {
  const clock = new FakeClock();
  const { dial, sockets } = fakeDial();
  const logger = new MemoryLogger();
  const registry = new Registry();
  const links = new Links({
    credentials: () => ({ certificate: '', key: '', expiresAt: 0 }),
    reviewToken: review,
    clock,
    random: () => 0.5,
    logger,
    registry,
    dial,
    ...options,
  });
  const term = { value: 1 };
  const lead = new AbortController();
  const changes: [string, ChangeKind][] = [];
  links.onChange((key, kind) => changes.push([key, kind]));
  links.open(lead.signal, (key) => (key === AGENT ? term.value : 0));
  const socketTo = (pod: PodTarget): FakeSocket =>
    sockets.findLast((socket) => socket.ip === pod.ip)!;
  const connect = async (pod: PodTarget, hash?: string, highestTerm = 0): Promise<FakeSocket> => {
    const socket = socketTo(pod);
    socket.open();
    socket.say(hello(pod, { highestTerm, ...(hash !== undefined && { hash }) }));
    await settle();
    if (hash !== undefined) socket.say(snapshot(hash));
    return socket;
  };
  return { links, clock, sockets, logger, registry, changes, term, lead, socketTo, connect };
}

/** A harness with one connected pod that runs the configuration `hash`. */
export async function connected(hash?: string): Promise<Harness & { pod: PodTarget }> {
  const pod = target(1);
  const links = harness();
  links.links.setTargets([pod]);
  await links.connect(pod, hash);
  return { ...links, pod };
}
