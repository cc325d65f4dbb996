import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EventStreamReader } from './sse.ts';
import type { ServerSentEvent } from './sse.ts';

function read(chunks: Buffer[], maxBytes?: number): ServerSentEvent[] {
  const events: ServerSentEvent[] = [];
  const reader = new EventStreamReader((event) => events.push(event) > 0, maxBytes);
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

  it('says how far whole events go, however the bytes are cut', () => {
    const text = 'event: a\r\ndata: 1\r\n\r\n: comment\n\ndata: é\n\ndata: unfinished';
    const bytes = Buffer.from(text);
    const ends = ['event: a\r\ndata: 1\r\n\r\n', ': comment\n\n', 'data: é\n\n'];
    const whole = Buffer.byteLength(ends.join(''));
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const reader = new EventStreamReader(() => true);
        let ended = 0;
        at.slice(1).forEach((end, i) => {
          const taken = reader.push(bytes.subarray(at[i], end));
          if (taken > 0) ended = at[i]! + taken;
        });
        expect(ended).toBe(whole);
      }),
    );
  });

  it('reads no further than an event that is refused', () => {
    const seen: string[] = [];
    const reader = new EventStreamReader(({ data }) => seen.push(data) < 2);
    expect(reader.push(Buffer.from('data: 1\n\ndata: 2\n\ndata: 3\n\n'))).toBe(9);
    expect(reader.push(Buffer.from('data: 4\n\n'))).toBe(0);
    expect(seen).toEqual(['1', '2']);
  });

  it('keeps no more of a line than it may', () => {
    const [event] = read([Buffer.from(`data: ${'x'.repeat(100)}\n\n`)], 20);
    expect(event).toEqual({ event: '', data: 'x'.repeat(14), truncated: true });
  });
});
