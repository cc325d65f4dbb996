import { describe, expect, it } from '@jest/globals';
import { scanObject } from '../../json/scan.ts';
import { anthropicMessages } from '../../protocols/anthropicMessages.ts';
import { inputContent } from './content.ts';
import { ATTRIBUTES } from './names.ts';

const KIB = 1024;

function contentOf(request: object): Record<string, unknown> {
  const body = Buffer.from(JSON.stringify(request));
  const { members } = scanObject(body, new Set(['messages', 'system']))!;
  const found = Object.entries(inputContent(anthropicMessages, body, members));
  return Object.fromEntries(found.map(([name, text]) => [name, JSON.parse(text as string)]));
}

const user = (content: unknown): object => ({ role: 'user', content });

describe('the content of a request in a span', () => {
  it('has each part in the form of the convention, and of media only the kind', () => {
    const image = { type: 'image', source: { type: 'base64', data: 'QUFB'.repeat(300 * KIB) } };
    const call = { type: 'tool_use', id: 'a', name: 'find', input: { city: 'Ulm' } };
    const result = { type: 'tool_result', tool_use_id: 'a', content: 'none' };
    const text = { type: 'text', text: 'Hi' };
    const thought = { type: 'thinking', thinking: 'Hm' };
    const request = {
      system: [{ type: 'text', text: 'Be kind.' }],
      messages: [user([image, text]), { role: 'assistant', content: [thought, call] }, user([result]), 1], // prettier-ignore
    };
    expect(contentOf(request)).toEqual({
      [ATTRIBUTES.systemInstructions]: [{ type: 'text', content: 'Be kind.' }],
      [ATTRIBUTES.inputMessages]: [
        { role: 'user', parts: [{ type: 'image' }, { type: 'text', content: 'Hi' }] },
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', content: 'Hm' },
            { type: 'tool_call', id: 'a', name: 'find', arguments: { city: 'Ulm' } },
          ],
        },
        { role: 'user', parts: [{ type: 'tool_call_response', id: 'a', response: 'none' }] },
        { role: '', parts: [] },
      ],
    });
  });

  it('has the newest messages that fit into 128 KiB', () => {
    const texts = [1, 100 * KIB, 1000 * KIB, 60 * KIB, 60 * KIB, 5];
    const messages = texts.map((length) => user('x'.repeat(length)));
    const kept = contentOf({ messages })[ATTRIBUTES.inputMessages] as object[];
    expect(kept).toEqual(
      [60 * KIB, 60 * KIB, 5].map((length) => ({
        role: 'user',
        parts: [{ type: 'text', content: 'x'.repeat(length) }],
      })),
    );
  });
});
