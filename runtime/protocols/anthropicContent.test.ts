import { describe, expect, it } from '@jest/globals';
import { KEPT_CONTENT, StreamedContent } from './anthropicContent.ts';

function contentOf(...events: unknown[]): unknown {
  const content = new StreamedContent();
  for (const event of events) content.event('content_block_delta', event);
  return content.blocks;
}

const text = (index: unknown, said: unknown = 'a'): object => ({ index, delta: { text: said } });

describe('the content of a stream', () => {
  it('consists of its blocks', () => {
    expect(
      contentOf(
        { index: 0, delta: { thinking: 'hm' } },
        text(1, 'one '),
        text(1, 'two'),
        { index: 2, delta: { partial_json: '{"a":' } },
        { index: 2, delta: { partial_json: '1}' } },
      ),
    ).toEqual([
      { type: 'thinking', thinking: 'hm' },
      { type: 'text', text: 'one two' },
      { type: 'tool_use', input: '{"a":1}' },
    ]);
    expect(contentOf()).toBeUndefined();
  });

  it.each([['length'], [3e7], [4_294_967_290], ['__proto__'], [-1], [0.5], [null], [{}], ['0']])(
    'takes the index %j for no more than a key',
    (index) => {
      const blocks = contentOf(text(0), text(index)) as unknown[];
      expect(blocks.length).toBeLessThanOrEqual(2);
      expect(blocks[0]).toEqual({ type: 'text', text: 'a' });
      expect(Object.keys(Array.prototype)).toEqual([]);
      expect(([] as unknown as { text?: string }).text).toBeUndefined();
    },
  );

  it.each([[null], ['delta'], [{ index: 0, delta: null }], [text(0, 7)], [text(0, { length: 9 })]])(
    'leaves out what is no text: %j',
    (event) => {
      expect(contentOf(text(0), event)).toEqual([{ type: 'text', text: 'a' }]);
    },
  );

  it('grows no further than a span shows of it, by text or by blocks', () => {
    const blocks = contentOf(
      ...Array.from({ length: 300 }, () => text(0, 'x'.repeat(1000))),
      ...Array.from({ length: 100_000 }, (_, i) => text(i + 1)),
    );
    expect(JSON.stringify(blocks).length).toBeLessThanOrEqual(KEPT_CONTENT);
    const many = contentOf(...Array.from({ length: 100_000 }, (_, i) => text(i))) as unknown[];
    expect(JSON.stringify(many).length).toBeLessThanOrEqual(KEPT_CONTENT);
  });
});
