import { describe, expect, it } from '@jest/globals';
import { scanObject } from '../json/scan.ts';
import { newestTurn, requestSize } from './anthropicRequest.ts';
import type { NewestTurn } from './protocol.ts';

const turn = (messages: unknown): NewestTurn => {
  const body = Buffer.from(JSON.stringify(messages));
  const members = new Map([['messages', { start: 0, end: body.length }]]);
  return newestTurn(body, members) as NewestTurn;
};
const user = (content: unknown): object => ({ role: 'user', content });
const model = (content: unknown): object => ({ role: 'assistant', content });
const use = (id: number): object => ({
  type: 'tool_use',
  id: `t${id}`,
  name: 'find',
  input: { id },
});
const result = (content: unknown): object => ({ type: 'tool_result', tool_use_id: 't', content });

describe('the newest turn of a request', () => {
  it('has the texts since the last message of the model, by their origin', () => {
    const { texts } = turn([
      user('old'),
      model('answer'),
      user([
        { type: 'text', text: 'one' },
        result('two'),
        result([
          { type: 'text', text: 'three' },
          { type: 'image', source: { data: 'x' } },
        ]),
        { type: 'document', source: { type: 'text', data: 'four' } },
        { type: 'document', source: { type: 'base64', data: 'QUJD' } },
        { type: 'search_result', content: [{ type: 'text', text: 'five' }] },
      ]),
    ]);
    expect(texts.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
      'UserInput one',
      'ToolResults two',
      'ToolResults three',
      'Documents four',
      'Documents five',
    ]);
  });

  it('is read up to 64 KiB, even if that cuts a character', () => {
    for (const unit of ['a', '\\', '"', '\u0001', '😀', 'é']) {
      const { texts } = turn([
        user([
          { type: 'text', text: unit.repeat(70_000) },
          { type: 'text', text: 'b' },
        ]),
      ]);
      expect(texts).toHaveLength(1);
      expect(unit.repeat(70_000).startsWith(texts[0]!.text.slice(0, -1))).toBe(true);
      expect(texts[0]!.text.length).toBeGreaterThan(9000);
    }
  });

  it('has the tool calls since the last message of the user', () => {
    const { tools } = turn([
      user('a'),
      model([use(0)]),
      user([result('x')]),
      user('b'),
      model([{ type: 'text', text: 'let me see' }, use(1), use(2)]),
      user([result('y'), result('z')]),
      model([use(3)]),
      user([result('w')]),
    ]);
    expect(tools.map(({ input }) => (input as { id: number }).id)).toEqual([1, 2, 3]);
  });

  it.each([[null], [7], ['text'], [[7]], [[user(7)]], [[user([7, 'x', {}])]], [[{}]]])(
    'has nothing in messages that are %j',
    (messages) => {
      expect(turn(messages)).toEqual({ texts: [], tools: [] });
    },
  );
});

function size(value: Record<string, unknown>): ReturnType<typeof requestSize> {
  const body = Buffer.from(JSON.stringify(value));
  return requestSize(body, scanObject(body, new Set(Object.keys(value)))!);
}

const image = (data: string): unknown => ({
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data },
});
const said = (content: unknown): Record<string, unknown> => ({
  max_tokens: 100,
  messages: [{ role: 'user', content }],
});

describe('the size of a request', () => {
  it('is its bytes and its max_tokens', () => {
    const value = said('x'.repeat(700));
    expect(size(value)).toEqual({
      textBytes: JSON.stringify(value).length,
      mediaTokens: 0,
      maxTokens: 100,
    });
  });

  it.each([undefined, -1, '5', 1.5])('has a usual max_tokens when that is %p', (max_tokens) => {
    expect(size({ max_tokens }).maxTokens).toBe(4096);
  });

  it('counts images as images, however many bytes they have, in results of tools too', () => {
    const small = size(said([image('AAAA'), { type: 'tool_result', content: [image('AAAA')] }]));
    const large = size(
      said([
        image('A'.repeat(4_000_000)),
        { type: 'tool_result', content: [image('A'.repeat(400_000))] },
      ]),
    );
    expect(large).toEqual(small);
    expect(large.mediaTokens).toBe(3200);
  });

  it('counts documents by their pages', () => {
    const pdf = '/Type /Pages /Count 3\n/Type /Page\n/Type/Page \n/Type /Page>>';
    const source = {
      type: 'base64',
      media_type: 'application/pdf',
      data: Buffer.from(pdf).toString('base64'),
    };
    expect(size(said([{ type: 'document', source }])).mediaTokens).toBe(7500);
    const unlisted = { ...source, data: 'AAAA' };
    expect(size(said([{ type: 'document', source: unlisted }])).mediaTokens).toBe(2500);
  });
});
