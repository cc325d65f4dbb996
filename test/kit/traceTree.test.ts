import { expect, it } from '@jest/globals';
import type { ReceivedSpan } from '../../runtime/testing/collector.ts';
import { traceTree } from './traceTree.ts';

function span(
  spanId: string,
  name: string,
  [from, to]: [ms: number, ms: number],
  rest: Partial<ReceivedSpan> = {},
): ReceivedSpan {
  const nano = (ms: number): string => `${1_700_000_000_000 + ms}000000`;
  return {
    ...{ traceId: 't', spanId, name, kind: 1, attributes: {}, events: [], status: {} },
    ...{ startTimeUnixNano: nano(from), endTimeUnixNano: nano(to), ...rest },
  };
}

it('traceTree draws a trace as a tree in the order of time, with the result of each span', () => {
  const spans = [
    span('c', 'attempt', [600, 620], {
      parentSpanId: 'b',
      attributes: { 'http.response.status_code': 200 },
    }),
    span('d', 'attempt', [0, 5], {
      parentSpanId: 'b',
      attributes: { 'error.type': 'Overloaded', 'gen_ai.system': 'x' },
    }),
    span('b', 'chat m', [0, 620], {
      parentSpanId: 'a',
      events: [{ name: 'breakwater.retry', attributes: { 'breakwater.wait_ms': 595 } }],
    }),
    span('a', 'POST /v1/messages', [0, 1620], { parentSpanId: 'of-the-client' }),
  ];
  const lines = traceTree(spans).map((line) => line.replaceAll(/ {2,}/g, '  '));
  expect(lines).toEqual([
    'POST /v1/messages  1.62 s',
    '└─ chat m  620 ms',
    '  │  · retry wait_ms=595',
    '  ├─ attempt  5 ms  error=Overloaded',
    '  └─ attempt  20 ms  status=200',
  ]);
});
