/** A provider: what it answers, and when each part of the answer arrives. */

/** Virtual time, or that of this computer. */
export interface Timeline {
  /** In milliseconds. */
  readonly now: number;
  /** Runs something after `ms`. The result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** One request to the model. */
export interface Ask {
  model: string;
  stream: boolean;
  /** As JSON. Requests of the same kind share one. */
  body: Buffer;
  /** Input tokens as the provider counts them. */
  tokens: number;
  /** Whether the client reads its answer. */
  reads: boolean;
}

/** An error before any part of an answer. */
export interface ErrorReply {
  kind: 'Error';
  status: number;
  type: string;
  headers?: Record<string, string>;
  /** Default: ERROR_MS. */
  afterMs?: number;
}

/** A connection that is lost before the answer. */
export interface ResetReply {
  kind: 'Reset';
  afterMs: number;
}

/** A good answer, or the beginning of one. */
export interface AnswerReply {
  kind: 'Answer';
  /** To the head, message_start and the first content; an unstreamed answer comes at its end. */
  firstTokenMs: number;
  totalMs: number;
  /** Time after the start of the first block in which only pings come. */
  silentMs?: number;
  /** Type of an error event in place of the first content. */
  errorAfterStart?: string;
}

export type Reply = ErrorReply | ResetReply | AnswerReply;

/** How a provider treats a request. `now` is in milliseconds since the fault began; negative: before it. */
export type Script = (ask: Ask, now: number) => Reply;

/** Gets an answer part by part. */
export interface Listener {
  head(status: number, headers: string[]): void;
  data(chunk: Buffer): void;
  end(): void;
  failed(): void;
}

export const ERROR_MS = 50;
/** The head of a stream comes this long before its first token. */
const HEAD_MS = 50;
const PING_MS = 10_000;
/** Between two parts of a stream. */
const PART_MS = 2000;

const event = (type: string, rest: object = {}): Buffer =>
  Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...rest })}\n\n`);
const MESSAGE = {
  ...{ id: 'msg_1', type: 'message', role: 'assistant', model: 'm', stop_sequence: null },
  usage: { input_tokens: 500, output_tokens: 60 },
};
const START = event('message_start', {
  message: {
    ...MESSAGE,
    content: [],
    stop_reason: null,
    usage: { input_tokens: 500, output_tokens: 1 },
  },
});
const BLOCK = event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const DELTA = event('content_block_delta', {
  index: 0,
  delta: { type: 'text_delta', text: 'waves' },
});
const PING = event('ping');
export const STOP = 'message_stop';
const END = Buffer.concat([
  event('content_block_stop', { index: 0 }),
  event('message_delta', {
    delta: { stop_reason: 'end_turn', stop_sequence: null },
    usage: { output_tokens: 60 },
  }),
  event(STOP),
]);
const UNSTREAMED = Buffer.from(
  JSON.stringify({
    ...MESSAGE,
    content: [{ type: 'text', text: 'waves' }],
    stop_reason: 'end_turn',
  }),
);

const errorBody = (type: string): object => ({ type: 'error', error: { type, message: type } });
const JSON_TYPE = ['content-type', 'application/json'];

export class Provider {
  /** Requests since the fault began. */
  calls = 0;
  readonly #time: Timeline;
  readonly #script: Script;
  readonly #faultAt: number;

  constructor(time: Timeline, faultAt: number, script: Script) {
    this.#time = time;
    this.#faultAt = faultAt;
    this.#script = script;
  }

  /** Answers a request. The result ends the answer early. */
  serve(ask: Ask, listener: Listener): () => void {
    const now = this.#time.now - this.#faultAt;
    if (now >= 0) this.calls += 1;
    const reply = this.#script(ask, now);
    switch (reply.kind) {
      case 'Reset':
        return this.#time.after(reply.afterMs, () => listener.failed());
      case 'Error':
        return this.#refuse(reply, listener);
      case 'Answer':
        return ask.stream ? this.#stream(reply, listener) : this.#whole(reply, listener);
    }
  }

  #refuse(
    { status, type, headers = {}, afterMs = ERROR_MS }: ErrorReply,
    listener: Listener,
  ): () => void {
    return this.#time.after(afterMs, () => {
      listener.head(status, [...JSON_TYPE, ...Object.entries(headers).flat()]);
      listener.data(Buffer.from(JSON.stringify(errorBody(type))));
      listener.end();
    });
  }

  #whole({ totalMs, errorAfterStart }: AnswerReply, listener: Listener): () => void {
    if (errorAfterStart !== undefined) {
      return this.#refuse({ kind: 'Error', status: 529, type: errorAfterStart }, listener);
    }
    return this.#time.after(totalMs, () => {
      listener.head(200, JSON_TYPE);
      listener.data(UNSTREAMED);
      listener.end();
    });
  }

  #stream(reply: AnswerReply, listener: Listener): () => void {
    const { firstTokenMs, totalMs, silentMs = 0, errorAfterStart } = reply;
    let cancel: () => void;
    const step = (ms: number, run: () => void): void => {
      cancel = this.#time.after(ms, run);
    };
    const began = this.#time.now;
    const rest = (): void => {
      const left = began + totalMs - this.#time.now;
      if (left > PART_MS) {
        step(PART_MS, () => {
          listener.data(DELTA);
          rest();
        });
        return;
      }
      step(left, () => {
        listener.data(END);
        listener.end();
      });
    };
    const pings = (until: number): void => {
      const left = until - this.#time.now;
      if (left <= 0) {
        listener.data(DELTA);
        rest();
        return;
      }
      step(Math.min(left, PING_MS), () => {
        if (left > PING_MS) listener.data(PING);
        pings(until);
      });
    };
    step(Math.max(0, firstTokenMs - HEAD_MS), () => {
      listener.head(200, ['content-type', 'text/event-stream']);
      listener.data(START);
      step(HEAD_MS, () => {
        if (errorAfterStart !== undefined) {
          listener.data(event('error', errorBody(errorAfterStart)));
          listener.end();
          return;
        }
        listener.data(BLOCK);
        pings(this.#time.now + silentMs);
      });
    });
    return () => cancel();
  }
}
