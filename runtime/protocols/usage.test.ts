import { describe, expect, it } from '@jest/globals';
import { TokenEstimator } from './usage.ts';

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
