/** What the operator makes of manifests and of what pods say. Run in a process of its own, with a small heap. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { definitions } from '../../crds/definitions.ts';
import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { Snapshot } from '../../contract/generated/types.ts';
import { attach } from '../../operator/desired/policies/attach.ts';
import { planAgent, plannedObjects } from '../../operator/desired/plan.ts';
import { agentStatus } from '../../operator/status/agent.ts';
import {
  agentEvents,
  breakerPolicyEvents,
  rateLimitPolicyEvents,
} from '../../operator/status/events.ts';
import { withoutFigures } from '../../operator/status/figures.ts';
import { breakerPolicyStatus, rateLimitPolicyStatus } from '../../operator/testing/policyStatus.ts';
import { settle } from '../../operator/testing/fakeClock.ts';
import {
  agentFixture,
  breakerFixture,
  limitFixture,
  OPTIONS,
} from '../../operator/testing/fixtures.ts';
import { harness } from '../../operator/testing/linksHarness.ts';
import type { FakeSocket } from '../../operator/testing/fakeSocket.ts';
import { hashOf, hello, target } from '../../operator/testing/messages.ts';
import { NOW, observation, pod, snapshot } from '../../operator/testing/observations.ts';
import { Holds } from './hold.ts';
import { Random } from './random.ts';
import { valueFor, type AnySchema, type Making } from './values.ts';

/** What the API server takes of one object, in bytes. */
const MAX_MANIFEST = 1_500_000;
/** Largest message of a pod. */
const MAX_REPORT = 512 * 1024;

export interface Fuzzed {
  inputs: number;
  longestHoldMs: number;
  longest: string;
  /** Of the heap, from after the first tenth of the inputs to the end, both after a collection. */
  grownBytes: number;
  /** The heap after the first tenth. */
  startBytes: number;
}

const SCHEMAS = new Map(definitions().map(({ plural, schema }) => [plural, schema as AnySchema]));

function contractSchema(name: string): AnySchema & { definitions: Record<string, AnySchema> } {
  const path = join(import.meta.dirname, `../../contract/${name}.schema.json`);
  return JSON.parse(readFileSync(path, 'utf8')) as AnySchema & {
    definitions: Record<string, AnySchema>;
  };
}
const FILES = Object.fromEntries(
  ['configuration', 'hello', 'report', 'command'].map((name) => [name, contractSchema(name)]),
);

/** Finds what a $ref of a file of the contract names. */
export function referIn(file: string): (ref: string) => AnySchema {
  return (ref) => {
    const [other = '', pointer = ''] = ref.split('#');
    const root = FILES[other === '' ? file : other.replace('.schema.json', '')]!;
    return pointer === '' ? root : root.definitions[pointer.replace('/definitions/', '')]!;
  };
}

function makingFor(random: Random, bytes: number, file = ''): Making {
  return {
    random,
    refer: referIn(file),
    large: random.chance(0.04),
    wrong: random.pick([0, 0, 0.01, 0.1]),
    budget: { bytes },
  };
}

const OPEN = ['tools', 'tools', 'tools', 'tools', 'podTemplate', 'podTemplate'];

/** The spec of a fixture with some of its fields made anew: all of them at once would fail at the first. */
function respecified<T extends { spec: object }>(fixture: T, plural: string, random: Random): T {
  const fields = SCHEMAS.get(plural)!.properties!.spec!.properties!;
  const names = Object.keys(fields);
  // What holds JSON of any form is tried more often.
  const often = [...names, ...OPEN.filter((name) => names.includes(name))];
  const chosen = random.chance(0.1)
    ? names
    : Array.from({ length: 1 + random.below(4) }, () => random.pick(often));
  const spec: Record<string, unknown> = { ...fixture.spec };
  const making = makingFor(random, MAX_MANIFEST);
  // What the API server lets through has the types that the schema states.
  making.wrong = 0;
  for (const name of new Set(chosen)) spec[name] = valueFor(fields[name]!, making);
  return { ...fixture, spec };
}

function manifests(random: Random, holds: Holds): void {
  const agent = respecified(agentFixture(), 'agentdeployments', random);
  const breakers = [
    breakerFixture(),
    respecified(breakerFixture('other'), 'circuitbreakerpolicies', random),
  ];
  const limits = [limitFixture(), respecified(limitFixture('other'), 'ratelimitpolicies', random)];
  const texts = [agent, breakers, limits].map((each) => JSON.stringify(each));
  if (texts.some(({ length }) => length > MAX_MANIFEST)) return;
  holds.measure(`manifests of ${texts.map(({ length }) => length).join(', ')} bytes`, () => {
    reconcile(
      JSON.parse(texts[0]!) as AgentDeployment,
      JSON.parse(texts[1]!) as CircuitBreakerPolicy[],
      JSON.parse(texts[2]!) as RateLimitPolicy[],
      snapshot(),
    );
  });
}

/** All that follows from one agent and its policies, at once; the operator does it in several steps. */
function reconcile(
  agent: AgentDeployment,
  breakers: CircuitBreakerPolicy[],
  limits: RateLimitPolicy[],
  told: Snapshot,
): void {
  const attachment = attach({ breakers, limits }, [agent]);
  const plan = planAgent({
    agent,
    attachment: attachment.agents.get(agent.metadata.name)!,
    options: OPTIONS,
    facts: { serviceMonitors: 'Served', prometheusRules: 'Served' },
  });
  JSON.stringify(plannedObjects(plan));
  const seen = observation(['a', 'b', 'c'].map((name) => pod(name, told)));
  const input = { agent, plan, observation: seen, now: NOW };
  const status = agentStatus({ ...input, previous: undefined });
  const next = agentStatus({ ...input, previous: status });
  withoutFigures(next);
  agentEvents(input, status, next);
  const agents = new Map([[agent.metadata.name, seen]]);
  for (const one of attachment.breakers) {
    const made = breakerPolicyStatus({ attachment: one, agents, previous: undefined, now: NOW });
    breakerPolicyEvents(
      made,
      breakerPolicyStatus({ attachment: one, agents, previous: made, now: NOW }),
    );
  }
  for (const one of attachment.limits) {
    const made = rateLimitPolicyStatus({ attachment: one, agents, previous: undefined, now: NOW });
    rateLimitPolicyEvents(
      made,
      rateLimitPolicyStatus({ attachment: one, agents, previous: made, now: NOW }),
    );
  }
}

const MESSAGES: readonly [file: string, definition: string][] = [
  ['hello', ''],
  ['report', 'Snapshot'],
  ['report', 'Snapshot'],
  ['report', 'Counters'],
  ['report', 'TransitionReport'],
];

function message(random: Random): string {
  const [file, definition] = random.pick(MESSAGES);
  const schema = definition === '' ? FILES[file]! : FILES[file]!.definitions[definition]!;
  const text = JSON.stringify(valueFor(schema, makingFor(random, MAX_REPORT, file))) ?? 'null';
  const bytes = Buffer.from(text).subarray(0, MAX_REPORT);
  return (random.chance(0.2) ? random.mutate(bytes) : bytes).toString();
}

const POD = target(1);

/** A link to a pod that says something, until it has said too much or something wrong. */
class Pod {
  #links = harness();
  #socket: FakeSocket | undefined;

  /** After its Hello, unless that is what is to be told. */
  async say(text: string, first: boolean, holds: Holds): Promise<void> {
    const socket = await this.#open(first);
    holds.measure(`a message of ${text.length} bytes`, () => socket.sayText(text), Infinity);
    await settle();
    const told = this.#links.links.podReport(POD.uid)?.snapshot;
    if (told === undefined) return;
    holds.measure(`the status after a report of ${text.length} bytes`, () =>
      reconcile(agentFixture(), [breakerFixture()], [limitFixture()], told),
    );
  }

  async #open(first: boolean): Promise<FakeSocket> {
    const known = this.#socket;
    if (known && !first && known.closedWith === undefined && !known.terminated) return known;
    this.#links.lead.abort();
    this.#links = harness();
    this.#links.links.setTargets([POD]);
    const socket = this.#links.socketTo(POD);
    socket.open();
    if (!first) socket.say(hello(POD, { hash: hashOf('a') }));
    await settle();
    this.#socket = first ? undefined : socket;
    return socket;
  }
}

/** Heap in use once what is garbage is gone. */
function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed;
}

/** Fuzzes until the time is over or there were so many inputs. */
export async function fuzzOperator(
  seed: number,
  seconds: number,
  most = Infinity,
): Promise<Fuzzed> {
  const random = new Random(seed);
  const warmUp = new Holds();
  const holds = new Holds();
  const speaker = new Pod();
  const end = performance.now() + seconds * 1000;
  let inputs = 0;
  let before = 0;
  const warm = Math.min(500, most / 10);
  while (performance.now() < end && inputs < most) {
    // Code that runs for the first time is slow for another reason than its input.
    const measured = inputs < warm ? warmUp : holds;
    if (random.chance(0.5)) manifests(random, measured);
    else await speaker.say(message(random), random.chance(0.2), measured);
    inputs += 1;
    if (inputs === Math.floor(warm)) before = heap();
  }
  const { longestMs, longest } = holds;
  const grownBytes = heap() - before;
  return { inputs, longestHoldMs: longestMs, longest, grownBytes, startBytes: before };
}

if (import.meta.main) {
  const [seed = '1', seconds = '20'] = process.argv.slice(2);
  const found = await fuzzOperator(Number(seed), Number(seconds));
  process.stdout.write(`${JSON.stringify(found)}\n`);
}
