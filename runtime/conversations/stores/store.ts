import type { RequestTrace } from '../../observe/trace/requestTrace.ts';
import type { Message } from '../messages/messages.ts';

/** A stored conversation. Times are RFC 3339. */
export interface Kept {
  id: string;
  messages: readonly Message[];
  createdAt: string;
  usedAt: string;
}

/** A conversation that a client asks for. Other clients do not find it. */
export interface Ref {
  id: string;
  /** Principal of the client that created it; empty for an unknown client. */
  principal: string;
  /** Whether the client may use conversations of others; only a store in memory can. */
  anyOwner?: boolean;
  /** Trace of the request. */
  trace?: CommandTrace | undefined;
}

/** Traces each command of a store outside this process. */
export type CommandTrace = Pick<RequestTrace, 'command'>;

/** The right to change a conversation. One turn at a time has it. */
export interface Lease {
  readonly conversation: Kept;
  /** What the messages take in memory, about, in bytes. */
  readonly bytes: number;
  /** Aborts when the conversation is deleted or the lease is lost. */
  readonly signal: AbortSignal;
  /** Takes room in the store for so many bytes more, until the release. Whether there is. */
  reserve(bytes: number): boolean;
  /** Why the signal has aborted. */
  readonly loss: LeaseLoss | undefined;
  /** Stores the messages and ends the lease. Without messages the conversation stays unchanged. */
  release(messages?: readonly Message[]): Promise<void>;
}

/** The conversation is deleted, another turn has taken it, or the store was away for as long as the lease lasts. */
export type LeaseLoss = 'Deleted' | 'Overtaken' | 'Unreachable';

/** `Foreign`: it is another client's, which the client must not learn. Only a store in memory can tell. */
export type Absence = 'NotFound' | 'Lost' | 'Foreign';

export type Taken = { lease: Lease } | { absence: Absence | 'Busy' };

/** The store is unreachable. */
export class StoreUnavailable extends Error {}

/** Stores conversations. Rejects with StoreUnavailable when it is unreachable. */
export interface ConversationStore {
  /** Undefined if the store is full. */
  create(
    messages: readonly Message[],
    principal: string,
    trace?: CommandTrace,
  ): Promise<Kept | undefined>;
  read(ref: Ref): Promise<Kept | Absence>;
  take(ref: Ref): Promise<Taken>;
  /** Deletes a conversation and ends its running turn. */
  remove(ref: Ref): Promise<'Removed' | Absence>;
  close(): Promise<void>;
}
