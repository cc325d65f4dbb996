import type { RequestTrace } from '../../observe/trace/requestTrace.ts';
import type { Message } from '../messages/messages.ts';

/** A conversation as it is kept. Times are RFC 3339. */
export interface Kept {
  id: string;
  messages: readonly Message[];
  createdAt: string;
  usedAt: string;
}

/** A conversation as its client asks for it. To any other client it is not there. */
export interface Ref {
  id: string;
  /** The client that began it; empty for a client without a name. */
  principal: string;
  /** Whether it may have conversations of any client; only a store in memory knows them. */
  anyOwner?: boolean;
  /** The request that asks. */
  trace?: CommandTrace | undefined;
}

/** Told of each command of a store outside this process. */
export type CommandTrace = Pick<RequestTrace, 'command'>;

/** The right to change a conversation, held by one turn at a time. */
export interface Lease {
  readonly conversation: Kept;
  /** Aborted when the conversation is deleted or the lease is lost. */
  readonly signal: AbortSignal;
  /** Keeps what the turn came to and gives the lease back. Without messages they stay as they are. */
  release(messages?: readonly Message[]): Promise<void>;
}

/** Why there is no conversation. */
export type Absence = 'NotFound' | 'Lost';

export type Taken = { lease: Lease } | { absence: Absence | 'Busy' };

/** Conversations cannot be reached at present. */
export class StoreUnavailable extends Error {}

/** Where conversations are kept. Rejects with StoreUnavailable when it cannot be reached. */
export interface ConversationStore {
  /** Undefined when no more can be kept. */
  create(
    messages: readonly Message[],
    principal: string,
    trace?: CommandTrace,
  ): Promise<Kept | undefined>;
  read(ref: Ref): Promise<Kept | Absence>;
  take(ref: Ref): Promise<Taken>;
  /** Ends a conversation for good, a turn under way too. */
  remove(ref: Ref): Promise<'Removed' | Absence>;
  close(): Promise<void>;
}
