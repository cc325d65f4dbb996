import { describe, expect, it } from '@jest/globals';
import { JsonUnescape } from './unescape.ts';

describe('JSON with its escapes resolved', () => {
  const value = { 'a\n"b"': ['\\\\', 'é\u0001\ud83d\ude00', 'C:\\new\\u0041', '/'], n: -1.5e3 };
  const shown = '{"a\n"b"":["\\\\","é\u0001😀","C:\\new\\u0041","/"],"n":-1500}';

  it('is the same for any cuts', () => {
    for (const json of [
      JSON.stringify(value),
      JSON.stringify(value).replace('/', '\\/').replace('é', '\\u00e9').replace('b', '\\u0062'),
    ]) {
      for (let cut = 0; cut <= json.length; cut += 1) {
        const reader = new JsonUnescape();
        expect(reader.push(json.slice(0, cut)) + reader.push(json.slice(cut))).toBe(shown);
      }
      const slow = new JsonUnescape();
      expect([...json].map((each) => slow.push(each)).join('')).toBe(shown);
    }
  });

  it('takes linear time for a megabyte of backslashes', () => {
    expect(new JsonUnescape().push('\\'.repeat(1024 * 1024))).toHaveLength(512 * 1024);
  });
});
