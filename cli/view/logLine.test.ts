import { describe, expect, it } from '@jest/globals';
import { logLine } from './logLine.ts';

describe('logLine', () => {
  it('shows time, level, message and fields', () => {
    const line =
      '{"level":"warn","time":"2026-11-21T10:00:00.123Z","module":"guard","msg":"Circuit opened","failures":3}';
    expect(logLine(line)).toBe('10:00:00.123 WARN  Circuit opened module=guard failures=3');
  });

  it.each(['not JSON', '7', '{"level":"info"}'])('leaves %s as it is', (line) => {
    expect(logLine(line)).toBe(line);
  });
});
