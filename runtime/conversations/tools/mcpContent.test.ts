import { describe, expect, it } from '@jest/globals';
import { shownContent } from './mcpContent.ts';

const DATA = Buffer.alloc(300, 7).toString('base64');
const image = { type: 'image' as const, mimeType: 'image/png', data: DATA };
const shownImage = {
  type: 'image',
  source: { type: 'base64', media_type: 'image/png', data: DATA },
};
const blob = (mimeType: string, data = DATA): Parameters<typeof shownContent>[0][number] => ({
  type: 'resource',
  resource: { uri: 'file:///a', mimeType, blob: data },
});

describe('the content of an MCP tool’s result', () => {
  it('is one text if it contains only text', () => {
    const parts = [
      { type: 'text' as const, text: 'one' },
      { type: 'resource' as const, resource: { uri: 'file:///a', text: 'two' } },
      { type: 'resource_link' as const, uri: 'file:///b' },
      { type: 'audio' as const, mimeType: 'audio/wav', data: DATA },
    ];
    expect(shownContent(parts, 1000)).toBe('one\ntwo\nfile:///b\n[audio left out]');
  });

  it('is an image, among texts in their order', () => {
    expect(shownContent([{ type: 'text', text: 'see' }, image], 1000)).toEqual([
      { type: 'text', text: 'see' },
      shownImage,
    ]);
  });

  it.each([
    ['image/png', shownImage],
    ['IMAGE/PNG; charset=binary', shownImage],
    [
      'application/pdf',
      { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: DATA } },
    ],
  ])('is a binary resource of the type %s', (mimeType, shown) => {
    expect(shownContent([blob(mimeType)], 1000)).toEqual([shown]);
  });

  it('is the text of a binary resource, or else its size', () => {
    const json = Buffer.from('{"a":"é"}').toString('base64');
    expect(shownContent([blob('application/json', json)], 1000)).toBe('{"a":"é"}');
    expect(shownContent([blob('application/zip')], 1000)).toBe(
      '[300 bytes of application/zip left out]',
    );
  });

  it('has no empty part, which the Messages API would refuse', () => {
    const parts = [image, { ...image, data: '' }, { type: 'text' as const, text: ' \n' }];
    const note = { type: 'text', text: '[0 bytes of image/png left out]' };
    expect(shownContent(parts, 1000)).toEqual([shownImage, note]);
  });

  it('leaves out an image that is too large, but not what follows', () => {
    expect(shownContent([image, { type: 'text', text: 'after' }], 299)).toBe(
      '[image of 300 bytes left out: the model may see 299 bytes]\nafter',
    );
  });

  it('is cut within a text, and counts the images before it', () => {
    const parts = [image, { type: 'text' as const, text: 'abcdef' }, image];
    expect(shownContent(parts, 304)).toEqual([
      shownImage,
      { type: 'text', text: 'abcd\n[The answer is longer; it was cut off after 304 bytes.]' },
    ]);
  });
});
