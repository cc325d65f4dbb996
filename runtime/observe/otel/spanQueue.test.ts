import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ExportResultCode } from '@opentelemetry/core';
import type { ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { SpanQueue } from './spanQueue.ts';

const span = (name: string): ReadableSpan => ({ name }) as ReadableSpan;

describe('a queue of spans', () => {
  let exported: string[][];
  let answer: ((result: ExportResult) => void) | undefined;
  let queue: SpanQueue;

  beforeEach(() => {
    jest.useFakeTimers();
    exported = [];
    const exporter = {
      export: (spans: ReadableSpan[], done: (result: ExportResult) => void) => {
        exported.push(spans.map(({ name }) => name));
        answer = done;
      },
    } as unknown as SpanExporter;
    const sizes = { maxQueueSize: 4, maxBatchSize: 2, delayMs: 10 };
    const counts = { exported: () => undefined, dropped: () => undefined };
    queue = new SpanQueue(exporter, sizes, counts);
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it('sends spans that ended during an export that took longer than the delay', async () => {
    queue.onEnd(span('a'));
    await jest.advanceTimersByTimeAsync(10);
    queue.onEnd(span('b'));
    await jest.advanceTimersByTimeAsync(50);
    expect(exported).toEqual([['a']]);
    answer!({ code: ExportResultCode.SUCCESS });
    await jest.advanceTimersByTimeAsync(10);
    expect(exported).toEqual([['a'], ['b']]);
  });
});
