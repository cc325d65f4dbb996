/** Bytes of JSON or text to work on before other work may get a turn. */
export const SLICE_BYTES = 256 * 1024;
/** Bytes of all slices in one turn of the event loop: some 15 to 50 ns each. */
const TURN_BYTES = 4 * SLICE_BYTES;
/** What a character costs whose text is searched for prompt injection or secrets. */
export const BYTES_PER_CHARACTER = 4;
/** Smaller pieces of work cost less than the request that brings them. */
const SMALL = 4 * 1024;

interface Waiting {
  bytes: number;
  go: () => void;
}

/**
 * What all requests together may still work on in this turn. It belongs to the event loop, of which a process has one:
 * many requests that each yielded by themselves would all go on in the same turn.
 */
let left = TURN_BYTES;
let waiting: Waiting[] = [];
let isArmed = false;

/** Asks for a turn to work on so many bytes: a promise if that must wait, undefined if the work may go on at once. */
export function turn(bytes: number): Promise<void> | undefined {
  if (bytes <= SMALL) return undefined;
  if (waiting.length === 0 && left > 0) {
    spend(bytes);
    return undefined;
  }
  return new Promise((resolve) => {
    waiting.push({ bytes, go: resolve });
    arm();
  });
}

function spend(bytes: number): void {
  left -= bytes;
  arm();
}

function arm(): void {
  if (isArmed) return;
  isArmed = true;
  setImmediate(begin);
}

function begin(): void {
  isArmed = false;
  left = TURN_BYTES;
  let served = 0;
  for (const { bytes, go } of waiting) {
    if (left <= 0) break;
    spend(bytes);
    go();
    served += 1;
  }
  waiting = waiting.slice(served);
}
