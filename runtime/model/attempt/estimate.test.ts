import { describe, expect, it } from '@jest/globals';
import { scanObject } from '../../json/scan.ts';
import { TokenEstimator, requestSize } from './estimate.ts';

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

describe('estimates', () => {
  const request = { textBytes: 3500, mediaTokens: 0, maxTokens: 100 };

  it('are bytes ÷ 3.5 until the model’s usage gives another ratio', () => {
    const estimator = new TokenEstimator();
    expect(estimator.estimate('m', request)).toEqual({ inputTokens: 1000, outputTokens: 100 });
    estimator.learn('m', request, { inputTokens: 1300 });
    expect(estimator.estimate('m', request).inputTokens).toBe(1300);
    for (let i = 0; i < 100; i += 1) estimator.learn('m', request, { inputTokens: 900 });
    expect(estimator.estimate('m', request).inputTokens).toBe(901);
    expect(estimator.estimate('other', request).inputTokens).toBe(1000);
  });

  it('count what the provider read from its cache, so that a request outside of it is not taken for small', () => {
    const estimator = new TokenEstimator();
    estimator.learn('m', request, { inputTokens: 10, cacheReadTokens: 990 });
    expect(estimator.estimate('m', request).inputTokens).toBe(1000);
  });

  it('do not learn from images, from answers without usage, or from absurd figures', () => {
    const estimator = new TokenEstimator();
    estimator.learn('m', { ...request, mediaTokens: 1 }, { inputTokens: 5 });
    estimator.learn('m', request, {});
    estimator.learn('m', { ...request, textBytes: 0 }, { inputTokens: 5 });
    expect(estimator.ratio('m')).toBe(1);
    estimator.learn('m', request, { inputTokens: 1e9 });
    expect(estimator.ratio('m')).toBe(4);
  });

  it('remember a bounded number of models', () => {
    const estimator = new TokenEstimator();
    for (let i = 0; i < 1000; i += 1) estimator.learn(`m${i}`, request, { inputTokens: 2000 });
    expect(estimator.ratio('m0')).toBe(1);
    expect(estimator.ratio('m999')).toBe(2);
  });
});
