import { beforeEach, describe, expect, it } from '@jest/globals';
import type { KubernetesObject } from '../../crds/meta.ts';
import { childMetadata } from '../desired/common/metadata.ts';
import { agentFixture, breakerFixture, target } from '../testing/fixtures.ts';
import type { ChangeHandler } from '../kube/index.ts';
import type { ChangeListener } from '../links/links.ts';
import { FakeClock } from '../testing/fakeClock.ts';
import { Attachments } from './attachments.ts';
import type { Caches } from './caches.ts';
import { OwnWrites } from './ownWrites.ts';
import { connectTriggers, type TriggerOptions } from './triggers.ts';

const agent = agentFixture('triage');
const first = breakerFixture('calm', { targetRefs: [target('triage')] });
const namespace = first.metadata.namespace!;

/** A cache whose events the test makes. */
class Cache {
  listed = 0;
  objects: object[];
  #handler: ChangeHandler<KubernetesObject> = () => undefined;

  constructor(...objects: object[]) {
    this.objects = objects;
  }

  get size(): number {
    return this.objects.length;
  }

  list(): object[] {
    this.listed += 1;
    return this.objects;
  }

  addIndex(): void {}
  onAvailability(): void {}

  onChange(handler: ChangeHandler<KubernetesObject>): void {
    this.#handler = handler;
  }

  tell(current: object | undefined, previous: object | undefined): void {
    if (current) this.objects = [current];
    const [now, before] = [current, previous] as (KubernetesObject | undefined)[];
    this.#handler(now, before, { initial: false });
  }
}

let agents: Cache;
let breakers: Cache;
let children: Cache;
let attachments: Attachments;
let ownWrites: OwnWrites;
let asked: string[];
let clock: FakeClock;
let reported: ChangeListener;
/** UIDs of pods that the leader has not tried to reach yet. */
let pending: Set<string>;

const queue = (task: string): object => ({
  add: (key: string, { priority }: { priority?: string } = {}) =>
    void asked.push(`${task} ${key}${priority === 'low' ? ' low' : ''}`),
  addAfter: (key: string) => void asked.push(`${task} ${key} later`),
});

const version = <T extends KubernetesObject>(object: T, changes: object): T => ({
  ...object,
  metadata: { ...object.metadata, ...changes },
});

beforeEach(() => {
  agents = new Cache(agent);
  breakers = new Cache(first);
  children = new Cache();
  asked = [];
  clock = new FakeClock();
  ownWrites = new OwnWrites();
  pending = new Set();
  const none = new Cache();
  const pod = (uid: string): object => ({ metadata: { uid }, status: { podIP: '10.0.0.1' } });
  const replicas = { onChange: () => undefined, of: () => ['pod-1', 'pod-2'].map(pod) };
  const caches = {
    ...{ agents, breakers, limits: none, pods: none, optional: none, replicas },
    children: [children],
  } as unknown as Caches;
  attachments = new Attachments(caches);
  const tasks = ['agent', 'agentStatus', 'breakerStatus', 'limitStatus'];
  connectTriggers({
    caches,
    attachments,
    ownWrites,
    clock,
    random: () => 0.5,
    notifier: { notify: () => undefined },
    links: {
      onChange: (listener: ChangeListener) => (reported = listener),
      onHigherTerm: () => undefined,
      podReport: (uid: string) => ({ pending: pending.has(uid) }),
    },
    defer: () => undefined,
    queues: Object.fromEntries(tasks.map((task) => [task, queue(task)])),
  } as unknown as TriggerOptions);
  attachments.of(namespace);
});

describe('a changed policy', () => {
  it('enqueues its agents, without joining the namespace again', () => {
    const next = version(first, { generation: 2 });
    breakers.tell(next, first);
    expect(asked).toEqual([`agent ${namespace}/triage`]);
    expect(attachments.breaker(namespace, 'calm')!.policy).toBe(next);
    expect(breakers.listed).toBe(1);
  });

  it('enqueues its status when its agent is being deleted', () => {
    const leaving = version(agent, { generation: 2, deletionTimestamp: '2026-01-01T00:00:00Z' });
    agents.tell(leaving, agent);
    asked = [];
    breakers.tell(version(first, { generation: 2 }), first);
    expect(asked).toContain(`breakerStatus ${namespace}/calm`);
  });

  it('with other targets enqueues the former ones too, without joining the namespace again', () => {
    const next = version(
      { ...first, spec: { ...first.spec, targetRefs: [target('other')] } },
      { generation: 2 },
    );
    breakers.tell(next, first);
    expect(asked).toEqual([`agent ${namespace}/triage`, `breakerStatus ${namespace}/calm`]);
    expect(attachments.breaker(namespace, 'calm')!.targets).toEqual([]);
    expect(breakers.listed).toBe(1);
  });
});

describe('a status that was written', () => {
  it('by this process enqueues nothing', async () => {
    const written = version(first, { resourceVersion: '7' });
    await ownWrites.track(first.metadata.uid, () => Promise.resolve(written));
    breakers.tell(written, first);
    expect(asked).toEqual([]);
    expect(attachments.breaker(namespace, 'calm')!.policy).toBe(written);
    const agentWritten = version(agent, { resourceVersion: '8' });
    await ownWrites.track(agent.metadata.uid, () => Promise.resolve(agentWritten));
    agents.tell(agentWritten, agent);
    expect(asked).toEqual([]);
  });

  it('by another writer enqueues its object', () => {
    breakers.tell(version(first, { resourceVersion: '7' }), first);
    agents.tell(version(agent, { resourceVersion: '8' }), agent);
    expect(asked).toEqual([`breakerStatus ${namespace}/calm`, `agentStatus ${namespace}/triage`]);
  });
});

describe('a child', () => {
  const child = (kind: string, resourceVersion: string): KubernetesObject => ({
    apiVersion: 'v1',
    kind,
    metadata: { ...childMetadata(agent, 'child'), uid: 'child', resourceVersion },
  });
  const look = `agent ${namespace}/triage`;

  it('enqueues its agent when another writer changes it, but not when this process does', async () => {
    const [before, ours, theirs] = ['1', '2', '3'].map((each) => child('ConfigMap', each));
    await ownWrites.track('child', () => Promise.resolve(ours!));
    children.tell(ours, before);
    expect(asked).toEqual([]);
    children.tell(theirs, ours);
    children.tell(undefined, theirs);
    expect(asked).toEqual([look, look]);
  });

  it('enqueues its agent in each version if it is a Deployment', async () => {
    const ours = child('Deployment', '2');
    await ownWrites.track('child', () => Promise.resolve(ours));
    children.tell(ours, child('Deployment', '1'));
    expect(asked).toEqual([look]);
  });

  it('enqueues its agent once with its siblings when it is new', () => {
    children.tell(child('ConfigMap', '1'), undefined);
    expect(asked).toEqual([`${look} later`]);
  });
});

it('a pod that is reached has the status looked at when it is the last one of its agent', () => {
  pending = new Set(['pod-1', 'pod-2']);
  pending.delete('pod-1');
  reported(`${namespace}/triage`, 'State');
  expect(asked).toEqual([]);
  pending.delete('pod-2');
  reported(`${namespace}/triage`, 'State');
  expect(asked).toEqual([`breakerStatus ${namespace}/calm`, `agentStatus ${namespace}/triage`]);
});

describe('figures', () => {
  const statuses = [`breakerStatus ${namespace}/calm`, `agentStatus ${namespace}/triage`];

  it('enqueue the status together, after changes of users, and a change of state does at once', async () => {
    for (let second = 0; second < 30; second++) {
      reported(`${namespace}/triage`, 'Counters');
      await clock.advance(1_000);
    }
    expect(asked).toEqual([]);
    reported(`${namespace}/triage`, 'State');
    expect(asked).toEqual(statuses);
    await clock.advance(30_000);
    expect(asked.slice(2)).toEqual(statuses.map((each) => `${each} low`));
  });
});
