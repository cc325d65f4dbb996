import { describe, expect, it } from '@jest/globals';
import { AnswerTimes } from './answerTimes.ts';

const ENDPOINT = { name: 'primary', provider: 'Anthropic', baseURL: 'http://one' };

function served(times: AnswerTimes, ms: readonly number[], maxTokens = 1000): void {
  ms.forEach((each, i) => times.of(ENDPOINT, 'm', maxTokens).served(each, i));
}
const usual = (times: AnswerTimes, maxTokens = 1000, model = 'm', endpoint = ENDPOINT) =>
  times.of(endpoint, model, maxTokens).usualMs;

describe('the times of unstreamed answers', () => {
  it('say nothing before 20 answers', () => {
    const times = new AnswerTimes();
    served(times, Array(19).fill(1000));
    expect(usual(times)).toBeUndefined();
    served(times, [1000]);
    expect(usual(times)).toBe(3000);
  });

  it('are usual up to three times the 95th percentile', () => {
    const times = new AnswerTimes();
    served(
      times,
      Array.from({ length: 40 }, (_, i) => 100 * (40 - i)),
    );
    expect(usual(times)).toBe(3 * 3800);
  });

  it('follow the last 64 answers', () => {
    const times = new AnswerTimes();
    served(times, Array(64).fill(90_000));
    expect(usual(times)).toBe(270_000);
    served(times, Array(61).fill(1000));
    expect(usual(times)).toBe(3000);
  });

  it.each([
    [1, 16],
    [17, 64],
    [65, 256],
    [257, 1024],
    [1025, 4096],
    [4097, 16_384],
    [16_385, 65_536],
    [65_537, 1_000_000],
  ])('of %i to %i max_tokens are of one class', (least, most) => {
    const times = new AnswerTimes();
    served(times, Array(20).fill(1000), least);
    expect(usual(times, most)).toBe(3000);
    expect(usual(times, least - 1 || most + 1)).toBeUndefined();
    if (least > 1 && most < 1_000_000) expect(usual(times, most + 1)).toBeUndefined();
  });

  it.each([
    ['another model', ENDPOINT, 'n'],
    ['another address', { ...ENDPOINT, baseURL: 'http://two' }, 'm'],
    ['another provider', { ...ENDPOINT, provider: 'Bedrock' }, 'm'],
    ['another endpoint', { ...ENDPOINT, name: 'spare' }, 'm'],
  ])('begin anew for %s', (_name, endpoint, model) => {
    const times = new AnswerTimes();
    served(times, Array(20).fill(1000));
    expect(usual(times, 1000, model, endpoint)).toBeUndefined();
  });

  it('know whether one was served after a time', () => {
    const kind = new AnswerTimes().of(ENDPOINT, 'm', 1000);
    expect(kind.servedAfter(0)).toBe(false);
    kind.served(10, 500);
    expect([kind.servedAfter(499), kind.servedAfter(500)]).toEqual([true, false]);
  });

  it('are kept for 64 models, the last used ones', () => {
    const times = new AnswerTimes();
    served(times, Array(20).fill(1000));
    for (let i = 0; i < 63; i += 1) times.of(ENDPOINT, `other ${i}`, 1);
    expect(usual(times)).toBe(3000);
    for (let i = 0; i < 64; i += 1) times.of(ENDPOINT, `other ${i}`, 1);
    expect(usual(times)).toBeUndefined();
  });
});
