import { describe, expect, it } from '@jest/globals';
import fc from '../../../test/property.ts';
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
  it('reads all line endings, and leaves out an unfinished event', () => {
    expect(read([Buffer.from(TEXT)])).toEqual(EVENTS);
  });

  it('reads the same events for any cuts', () => {
    const bytes = Buffer.from(TEXT);
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length)), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(read(chunks)).toEqual(EVENTS);
      }),
    );
  });

  it('states the end of the last whole event for any cuts', () => {
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

  it('stops at an event that is refused', () => {
    const seen: string[] = [];
    const reader = new EventStreamReader(({ data }) => seen.push(data) < 2);
    expect(reader.push(Buffer.from('data: 1\n\ndata: 2\n\ndata: 3\n\n'))).toBe(9);
    expect(reader.push(Buffer.from('data: 4\n\n'))).toBe(0);
    expect(seen).toEqual(['1', '2']);
  });

  it('keeps a bounded part of a line', () => {
    const [event] = read([Buffer.from(`data: ${'x'.repeat(100)}\n\n`)], 20);
    expect(event).toEqual({ event: '', data: 'x'.repeat(14), truncated: true });
  });
});

/** The events of all bytes at once, by the letter of the standard. */
function naive(bytes: Buffer): ServerSentEvent[] {
  const lines = bytes.toString('latin1').split(/\r\n|\n|\r/);
  lines.pop();
  const events: ServerSentEvent[] = [];
  let event = '';
  let data: string[] = [];
  lines.forEach((encoded, i) => {
    const text = Buffer.from(encoded, 'latin1').toString('utf8');
    const line = i === 0 && text.startsWith('\uFEFF') ? text.slice(1) : text;
    if (line === '') {
      if (event !== '' || data.length > 0) {
        events.push({ event, data: data.join('\n'), truncated: false });
      }
      event = '';
      data = [];
      return;
    }
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line)!;
    if (name === 'event') event = value;
    if (name === 'data') data.push(value);
  });
  return events;
}

describe('random bytes, for any cuts,', () => {
  const token = fc.constantFrom(
    ...['event', 'data', ':', ': ', '\n', '\r', '\r\n', '\n\n', '\uFEFF', 'é', '{"a":1}'],
  );
  const noise = fc
    .array(
      fc.oneof(
        token.map((text) => Buffer.from(text)),
        fc.uint8Array({ maxLength: 4 }),
      ),
    )
    .map((parts) => Buffer.concat(parts));

  it('give the events of the standard’s algorithm', () => {
    fc.assert(
      fc.property(noise, fc.array(fc.nat()), (bytes, cuts) => {
        const at = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
        const ends = [...at, bytes.length];
        const chunks = ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
        expect(read(chunks)).toEqual(naive(bytes));
      }),
      { numRuns: 500 },
    );
  });
});
