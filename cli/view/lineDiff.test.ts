import { describe, expect, it } from '@jest/globals';
import { lineDiff } from './lineDiff.ts';

describe('lineDiff', () => {
  it('shows a change with three lines around it', () => {
    const before = ['1', '2', '3', '4', '5', '6', '7', '8', '9'].join('\n');
    expect(lineDiff(before, before.replace('5', 'five'))).toEqual([
      ...['@@', ' 2', ' 3', ' 4', '-5', '+five', ' 6', ' 7', ' 8'],
    ]);
  });

  it('shows what was added and removed at the ends', () => {
    expect(lineDiff('a\nb', 'b\nc')).toEqual(['-a', ' b', '+c']);
  });

  it('is empty for equal texts', () => {
    expect(lineDiff('a\nb', 'a\nb')).toEqual([]);
  });
});
