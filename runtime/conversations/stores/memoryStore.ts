import { memoryOf } from '../../json/parsed.ts';
import type { Clock } from '../../guard/clock.ts';
import type { Message } from '../messages/messages.ts';
import type { Absence, ConversationStore, Kept, Lease, Ref, Taken } from './store.ts';

export interface MemoryStoreDeps {
  clock: Clock;
  /** Time without a message until a conversation expires, in milliseconds. */
  idleTimeoutMs: () => number;
  newId: () => string;
  /** Why an id is not here. */
  absenceOf(id: string): Absence;
  /** Largest size of all conversations in memory, in bytes. A full store takes neither new ones nor messages. */
  maxBytes: number;
  /** Reports an expired conversation. */
  onExpired?: (id: string) => unknown;
}

interface Entry {
  kept: Kept;
  principal: string;
  bytes: number;
  usedAt: number;
  turn: AbortController | undefined;
}

/** Interval between two searches for idle conversations, in milliseconds. */
const SWEEP_MS = 10_000;

/** Conversations in the memory of this process. */
export class MemoryStore implements ConversationStore {
  readonly #deps: MemoryStoreDeps;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;
  #messages = 0;
  #cancelSweep: (() => void) | undefined;

  constructor(deps: MemoryStoreDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Totals of all conversations. */
  stats(): { conversations: number; messages: number; bytes: number; maxBytes: number } {
    const { size: conversations } = this.#entries;
    const { maxBytes } = this.#deps;
    return { conversations, messages: this.#messages, bytes: this.#bytes, maxBytes };
  }

  create(messages: readonly Message[], principal: string): Promise<Kept | undefined> {
    const bytes = memoryOf(messages);
    if (!this.#hasRoom(bytes)) return Promise.resolve(undefined);
    const now = this.#now();
    const kept = { id: this.#deps.newId(), messages, createdAt: now, usedAt: now };
    const usedAt = this.#deps.clock.now();
    this.#entries.set(kept.id, { kept, principal, bytes, usedAt, turn: undefined });
    this.#bytes += bytes;
    this.#messages += messages.length;
    this.#arm();
    return Promise.resolve(kept);
  }

  read(ref: Ref): Promise<Kept | Absence> {
    return Promise.resolve(this.#find(ref)?.kept ?? this.#absenceOf(ref));
  }

  take(ref: Ref): Promise<Taken> {
    const entry = this.#find(ref);
    if (!entry) return Promise.resolve({ absence: this.#absenceOf(ref) });
    if (entry.turn) return Promise.resolve({ absence: 'Busy' });
    entry.turn = new AbortController();
    return Promise.resolve({ lease: this.#lease(entry, entry.turn) });
  }

  remove(ref: Ref): Promise<'Removed' | Absence> {
    const entry = this.#find(ref);
    if (!entry) return Promise.resolve(this.#absenceOf(ref));
    this.#forget(entry);
    return Promise.resolve('Removed');
  }

  close(): Promise<void> {
    this.#cancelSweep?.();
    for (const entry of this.#entries.values()) this.#forget(entry);
    return Promise.resolve();
  }

  #lease(entry: Entry, turn: AbortController): Lease {
    let reserved = 0;
    return {
      conversation: entry.kept,
      bytes: entry.bytes,
      signal: turn.signal,
      get loss() {
        return turn.signal.aborted ? ('Deleted' as const) : undefined;
      },
      reserve: (bytes) => {
        if (!this.#hasRoom(bytes)) return false;
        this.#bytes += bytes;
        reserved += bytes;
        return true;
      },
      release: (messages) => {
        this.#bytes -= reserved;
        reserved = 0;
        if (entry.turn !== turn) return Promise.resolve();
        entry.turn = undefined;
        entry.usedAt = this.#deps.clock.now();
        if (messages && !turn.signal.aborted) this.#keep(entry, messages);
        return Promise.resolve();
      },
    };
  }

  #keep(entry: Entry, messages: readonly Message[]): void {
    const bytes = memoryOf(messages);
    this.#bytes += bytes - entry.bytes;
    this.#messages += messages.length - entry.kept.messages.length;
    entry.bytes = bytes;
    entry.kept = { ...entry.kept, messages, usedAt: this.#now() };
  }

  /** Drops idle conversations before it says no. */
  #hasRoom(bytes: number): boolean {
    if (this.#bytes + bytes > this.#deps.maxBytes) this.#sweep();
    return this.#bytes + bytes <= this.#deps.maxBytes;
  }

  #find({ id, principal, anyOwner = false }: Ref): Entry | undefined {
    const entry = this.#entries.get(id);
    if (!entry || (!anyOwner && entry.principal !== principal)) return undefined;
    if (!this.#isIdle(entry)) return entry;
    this.#expire(entry);
    return undefined;
  }

  #absenceOf({ id }: Ref): Absence {
    return this.#entries.has(id) ? 'Foreign' : this.#deps.absenceOf(id);
  }

  #isIdle({ turn, usedAt }: Entry): boolean {
    const { clock, idleTimeoutMs } = this.#deps;
    return turn === undefined && clock.now() - usedAt >= idleTimeoutMs();
  }

  #expire(entry: Entry): void {
    this.#forget(entry);
    this.#deps.onExpired?.(entry.kept.id);
  }

  #forget(entry: Entry): void {
    if (this.#entries.delete(entry.kept.id)) {
      this.#bytes -= entry.bytes;
      this.#messages -= entry.kept.messages.length;
    }
    entry.turn?.abort();
  }

  #sweep(): void {
    for (const entry of this.#entries.values()) if (this.#isIdle(entry)) this.#expire(entry);
  }

  #arm(): void {
    if (this.#cancelSweep || this.#entries.size === 0) return;
    this.#cancelSweep = this.#deps.clock.setTimer(SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      this.#sweep();
      this.#arm();
    });
  }

  #now(): string {
    return this.#deps.clock.date().toISOString();
  }
}
