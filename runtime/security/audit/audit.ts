import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import { AUDIT_TYPES, matches } from '../../../contract/audit.ts';
import type { AuditQuery, AuditType, ChainHead, SealedEvent } from '../../../contract/audit.ts';
import type { Content, SecretHeader } from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import { NO_LISTENER } from '../../observe/trace/requestListener.ts';
import type { KnownClient, RequestListener } from '../../observe/trace/requestListener.ts';
import type { SourceAddress } from '../sourceAddress.ts';
import { Chain } from './chain.ts';
import type { Actor, AuditEvent } from './event.ts';
import { FileSink, filesIn, headInFile } from './fileSink.ts';
import { HeadFile } from './headFile.ts';
import type { Sink } from './lineQueue.ts';
import { linesBackwards } from './linesBackwards.ts';
import { toOcsf } from './ocsf.ts';
import type { Origin } from './ocsf.ts';
import { otlpLogs } from './otlpLogs.ts';
import { OtlpSink } from './otlpSink.ts';
import { RequestRecord } from './requestRecord.ts';
import type { AuditedRequest, RequestRecordDeps } from './requestRecord.ts';
import { Ring } from './ring.ts';
import { StdoutSink } from './stdoutSink.ts';
import type { WriteOut } from './stdoutSink.ts';

export type AuditSpec = NonNullable<Content['audit']>;

export interface AuditDeps {
  clock: Clock;
  pod: { namespace: string; name: string; uid: string };
  version: string;
  writeOut: WriteOut;
  /** The address that a request came from. */
  sourceOf: SourceAddress['of'];
  /** File for the head of the chain, which outlives the process; absent: none. */
  headPath?: string | undefined;
  /** Directory of events that wait for the collector. It outlives the process. */
  queueDirectory: string;
  fetch: typeof fetch;
  /** Values of headers from Secrets; undefined while one is missing. */
  readHeaders: (headers: SecretHeader[]) => readonly (readonly [string, string])[] | undefined;
  log: Logger;
}

export interface AuditAnswer {
  enabled: boolean;
  events: SealedEvent[];
  /** Number of matching events; of those in the answer, or of all for a limit of 0. */
  count: number;
  /** False if the files contain more than one query searches. */
  searchedAll: boolean;
}

/** Counts since the process began. */
export interface AuditStats {
  events: Readonly<Record<AuditType, number>>;
  sinks: { name: string; queuedBytes: number; dropped: number; failing: boolean }[];
}

/** Largest number of clients and addresses whose last recorded success is remembered. */
const MAX_KNOWN_CLIENTS = 10_000;

/** Largest number of characters that one query reads. */
const MAX_SEARCHED_BYTES = 64 * 1024 * 1024;

/** Room that a request or call under way keeps in each queue if the audit is required, in bytes: about three events. */
const RESERVED_BYTES = 4096;

/** The clock of the pod may have been set back by so much between two events, in milliseconds. */
const MAX_CLOCK_STEP_MS = 60_000;

export const RUNTIME: Actor = { kind: 'Program', name: 'breakwater-runtime' };
export const OPERATOR: Actor = { kind: 'Program', name: 'breakwater-operator' };

/** Records the agent's actions and attempts against it. Nothing waits for it. */
export class Audit {
  readonly #deps: AuditDeps;
  readonly #ring = new Ring();
  readonly #counts = Object.fromEntries(AUDIT_TYPES.map((type) => [type, 0])) as Record<
    AuditType,
    number
  >;
  readonly #dropped = new Map<string, number>();
  readonly #known = new LRUCache<string, number>({ max: MAX_KNOWN_CLIENTS });
  readonly #sinks = new Map<string, { key: string; sink: Sink }>();
  readonly #headFile: HeadFile;
  /** Begins with the first configuration that turns the audit on. */
  #chain: Chain | undefined;
  #content: Content | undefined;
  #spec: AuditSpec | undefined;
  #tools: ReadonlySet<string> = new Set();
  /** Requests under way when the last one began. */
  #openRequests = 0;
  /** Calls of tools under way. */
  #calls = 0;

  constructor(deps: AuditDeps) {
    this.#deps = deps;
    this.#headFile = new HeadFile(deps.headPath);
  }

  /**
   * Whether the agent must refuse the last of these open requests, because the queues might have no room for its events.
   * Each request under way keeps room.
   */
  refuses(openRequests: number): boolean {
    this.#openRequests = openRequests;
    return !this.#hasRoom();
  }

  /** Keeps room for the event of a call until the returned function is called; undefined if there is none. */
  reserve(): (() => void) | undefined {
    this.#calls += 1;
    const release = (): void => void (this.#calls -= 1);
    if (this.#hasRoom()) return release;
    release();
    return undefined;
  }

  /** Records events, all of them or none. Whether there was room for them. */
  recordAll(events: readonly AuditEvent[]): boolean {
    this.#calls += events.length;
    const hasRoom = this.#hasRoom();
    this.#calls -= events.length;
    if (hasRoom) for (const event of events) this.record(event);
    return hasRoom;
  }

  /** Whether the queues have the room that is reserved. Always, unless the audit is required. */
  #hasRoom(): boolean {
    if (!this.#spec?.required) return true;
    return this.#all().every(({ ready, room }) => ready && room >= this.#reserved);
  }

  /** Bytes that requests and calls under way keep in each queue. */
  get #reserved(): number {
    return this.#spec?.required ? (this.#openRequests + this.#calls) * RESERVED_BYTES : 0;
  }

  /** Whether the configuration asks for an audit. */
  get enabled(): boolean {
    return this.#spec !== undefined;
  }

  /** Head of the chain; undefined without one. */
  get head(): ChainHead | undefined {
    return this.#spec && this.#chain?.head;
  }

  /** What the operator sees: the head, and the sinks whose destination does not take events. */
  get report(): (ChainHead & { undelivered?: string[] }) | undefined {
    const { head } = this;
    const failing = this.#all().filter((sink) => sink.failing);
    if (head === undefined || failing.length === 0) return head;
    return { ...head, undelivered: failing.map(({ name }) => name) };
  }

  /** Applies a configuration. Unchanged sinks keep their waiting events. */
  apply(content: Content): void {
    if (this.#spec && !content.audit) this.#end();
    this.#content = content;
    this.#spec = content.audit;
    this.#tools = new Set((content.tools ?? []).map(({ name }) => name));
    if (content.audit) this.#chain ??= this.#continueChain(content.audit);
    this.#ring.resize(content.audit?.memoryEvents ?? 0);
    this.#useSinks(content.audit);
  }

  /** Begins the record of a request; calls `facts` only if requests are audited. */
  begin(
    request: Parameters<SourceAddress['of']>[0],
    facts: () => Omit<AuditedRequest, 'source'>,
    { conversation, credential }: Pick<RequestRecordDeps, 'conversation' | 'credential'>,
  ): RequestListener {
    const spec = this.#spec;
    if (!spec) return NO_LISTENER;
    return new RequestRecord(
      { ...facts(), source: this.#deps.sourceOf(request) },
      {
        time: () => this.#deps.clock.date().getTime(),
        record: (event) => this.record(event),
        reserve: () => this.reserve(),
        authentication: this.#authentication(),
        recordsSuccess: (client, source) => this.#recordsSuccess(client, source, spec),
        withArguments: (tool) => spec.argumentsOf.includes(tool),
        isOwnTool: (tool) => this.#tools.has(tool),
        ...{ conversation, credential },
      },
    );
  }

  /** Records an event; nothing while the audit is off. Never throws. */
  record(event: AuditEvent): void {
    if (!this.#spec || !this.#chain) return;
    const line = this.#chain.seal(toOcsf(event, this.#origin()));
    this.#counts[event.type] += 1;
    this.#ring.push(line);
    // What was refused did no harm, and its events must not take the room of those that are served.
    const kept = event.outcome === 'Denied' ? this.#reserved : 0;
    for (const sink of this.#all()) {
      const written = sink.room - line.length >= kept && sink.write(line);
      if (!written) this.#dropped.set(sink.name, (this.#dropped.get(sink.name) ?? 0) + 1);
    }
  }

  /** Matching events, newest first: from memory, then from the files. With a limit of 0 it only counts them all. */
  async query(query: AuditQuery, limit: number): Promise<AuditAnswer> {
    const events: SealedEvent[] = [];
    const since = (query.since ?? -Infinity) - MAX_CLOCK_STEP_MS;
    let bytes = 0;
    let count = 0;
    for await (const line of this.#newestFirst()) {
      bytes += line.length;
      if (bytes > MAX_SEARCHED_BYTES) return { enabled: true, events, count, searchedAll: false };
      const event = parsed(line);
      if (!event) continue;
      if (event.time < since) break;
      if (!matches(query, event)) continue;
      count += 1;
      if (limit === 0) continue;
      if (events.push(event) >= limit) break;
    }
    return { enabled: this.#spec !== undefined, events, count, searchedAll: true };
  }

  #origin(): Origin {
    const { pod, version } = this.#deps;
    const agent = this.#content?.agent.name ?? '';
    return { namespace: pod.namespace, agent, pod: pod.name, podUid: pod.uid, version };
  }

  stats(): AuditStats {
    const sinks = this.#all().map(({ name, queuedBytes, failing }) => ({
      name,
      queuedBytes,
      failing,
      dropped: this.#dropped.get(name) ?? 0,
    }));
    return { events: this.#counts, sinks };
  }

  /** Lets the next process of the container continue this chain. Never rejects. */
  async saveHead(): Promise<void> {
    await this.#headFile.save(this.head);
  }

  /** Resolves when all recorded events are stored, or cannot be at present. */
  async flush(): Promise<void> {
    await Promise.all([...this.#all().map((sink) => sink.flush()), this.saveHead()]);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all().map((sink) => sink.close()), this.saveHead()]);
  }

  /** Continues the chain of the process before. The file is complete; the saved head may lag by a second. */
  #continueChain({ file }: AuditSpec): Chain {
    const inFile = file && headInFile(this.#directory(file));
    return new Chain(inFile ?? this.#headFile.read());
  }

  /** Pods may share a volume. */
  #directory({ directory }: NonNullable<AuditSpec['file']>): string {
    return join(directory, this.#deps.pod.name);
  }

  async *#newestFirst(): AsyncGenerator<string> {
    const inMemory = this.#ring.newestFirst();
    yield* inMemory;
    const file = this.#spec?.file;
    if (!file) return;
    const isShown = shownFrom(inMemory.at(-1));
    for (const path of await filesIn(this.#directory(file))) {
      for await (const line of linesBackwards(path)) if (!isShown(line)) yield line;
    }
  }

  #all(): Sink[] {
    return Array.from(this.#sinks.values(), ({ sink }) => sink);
  }

  #end(): void {
    this.record({
      type: 'ConfigurationApplied',
      time: this.#deps.clock.date().getTime(),
      outcome: 'Success',
      actor: OPERATOR,
      operation: 'audit.end',
      message: 'The configuration turns the audit off.',
    });
  }

  #useSinks(spec: AuditSpec | undefined): void {
    const desired = spec ? this.#desired(spec) : new Map<string, DesiredSink>();
    for (const [name, { key, sink }] of this.#sinks) {
      if (desired.get(name)?.key === key) continue;
      this.#sinks.delete(name);
      void sink.close();
    }
    for (const [name, { key, make }] of desired) {
      if (!this.#sinks.has(name)) this.#sinks.set(name, { key, sink: make() });
    }
  }

  #desired(spec: AuditSpec): Map<string, DesiredSink> {
    const { clock, writeOut } = this.#deps;
    const { bufferBytes: maxBytes, stdout } = spec;
    const desired = new Map<string, DesiredSink>();
    const shared = (name: string): ConstructorParameters<typeof StdoutSink>[1] => ({
      ...{ clock, maxBytes },
      onError: (err) => this.#deps.log.error({ sink: name, err }, 'Audit events are not kept'),
    });
    if (stdout) {
      const make = (): Sink => new StdoutSink(writeOut, shared('stdout'));
      desired.set('stdout', { key: `${maxBytes}`, make });
    }
    const { file } = spec;
    if (file) {
      const make = (): Sink =>
        new FileSink({ ...file, directory: this.#directory(file) }, shared('file'));
      desired.set('file', { key: JSON.stringify([maxBytes, file]), make });
    }
    const { otlp } = spec;
    if (otlp) {
      const make = (): Sink => this.#otlpSink(otlp, shared('otlp'));
      desired.set('otlp', { key: JSON.stringify([maxBytes, otlp]), make });
    }
    return desired;
  }

  #otlpSink(
    { url, headersFrom, timeoutMs, queueBytes }: NonNullable<AuditSpec['otlp']>,
    shared: ConstructorParameters<typeof StdoutSink>[1],
  ): Sink {
    const { queueDirectory, fetch, readHeaders } = this.#deps;
    return new OtlpSink({
      ...shared,
      ...{ url, timeoutMs, queueBytes, fetch },
      body: (lines) => otlpLogs(this.#origin(), lines),
      directory: join(queueDirectory, 'otlp'),
      headers: () => readHeaders(headersFrom),
    });
  }

  #authentication(): KnownClient['authentication'] {
    const type = this.#content?.auth?.type;
    if (type === undefined) return 'None';
    return type === 'APIKeys' ? 'APIKey' : 'JWT';
  }

  /** Records a success if the client is new at that address, and again after an interval. */
  #recordsSuccess(
    { id }: KnownClient,
    source = '',
    { authenticationIntervalMs }: AuditSpec,
  ): boolean {
    const now = this.#deps.clock.now();
    const key = `${source} ${id}`;
    const last = this.#known.get(key);
    if (last !== undefined && now - last < authenticationIntervalMs) return false;
    this.#known.set(key, now);
    return true;
  }
}

/** Drops the lines from the oldest one in memory on, which the answer has already. */
function shownFrom(oldest: string | undefined): (line: string) => boolean {
  const first = oldest === undefined ? undefined : parsed(oldest);
  if (!first) return () => false;
  const { sequence = 0 } = first.metadata;
  return (line) => {
    const event = parsed(line);
    const same = event?.unmapped?.chain === first.unmapped?.chain;
    return same && (event?.metadata.sequence ?? 0) >= sequence;
  };
}

function parsed(line: string): SealedEvent | undefined {
  try {
    return JSON.parse(line) as SealedEvent;
  } catch {
    return undefined;
  }
}

interface DesiredSink {
  /** Settings of the sink. A change replaces the sink. */
  key: string;
  make: () => Sink;
}
