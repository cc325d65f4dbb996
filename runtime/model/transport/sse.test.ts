import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventStreamReader } from './sse.ts';
import type { ServerSentEvent } from './sse.ts';

function read(chunks: Buffer[], maxBytes?: number): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const reader = new EventStreamReader((event) => events.push(event), maxBytes);
  for (const chunk of chunks) reader.push(chunk);
  return events;
}

const TEXT =
  '\uFEFFevent: a\ndata: 1\n\n: comment\r\nevent:b\r\ndata: x\r\ndata:é\r\n\r\ndata: c\r\rdata: lost';
const EVENTS = [
  { event: 'a', data: '1', truncated: false },
  { event: 'b', data: 'x\né', truncated: false },
  { event: '', data: 'c', truncated: false },
];

describe('EventStreamReader', () => {
  it('reads all line endings and leaves an unfinished event out', () => {
    expect(read([Buffer.from(TEXT)])).toEqual(EVENTS);
  });

  it('reads the same events however the bytes are cut', () => {
    const bytes = Buffer.from(TEXT);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(read(chunks)).toEqual(EVENTS);
      }),
    );
  });

  it('keeps no more of a line than it may', () => {
    const [event] = read([Buffer.from(`data: ${'x'.repeat(100)}\n\n`)], 20);
    expect(event).toEqual({ event: '', data: 'x'.repeat(14), truncated: true });
  });
});
