import { describe, expect, it } from '@jest/globals';
import { Cut } from '../model/attempt/outcome.ts';
import { RequestCut } from './requestCut.ts';

describe('RequestCut', () => {
  it('tells each listener once, and those that left not at all', () => {
    const cut = new RequestCut();
    const told: string[] = [];
    const leaver = (): void => void told.push('leaver');
    cut.addEventListener('abort', () => told.push('first'));
    cut.addEventListener('abort', leaver);
    cut.addEventListener('abort', () => told.push('second'));
    cut.removeEventListener('abort', leaver);
    const why = new Cut('Drain');
    cut.abort(why);
    cut.abort(new Cut('ClientGone'));
    expect(told).toEqual(['first', 'second']);
    expect(cut.aborted).toBe(true);
    expect(cut.reason).toBe(why);
  });

  it.each(['before', 'after'])('is an AbortSignal for those who ask %s it is cut', (when) => {
    const cut = new RequestCut();
    const early = when === 'before' ? cut.signal : undefined;
    const why = new Cut('ClientGone');
    cut.abort(why);
    const signal = early ?? cut.signal;
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBe(why);
    expect(cut.signal).toBe(signal);
  });
});
