import { describe, expect, it } from '@jest/globals';
import { SettledFiles } from './settledFiles.ts';

const object = (name: string, field = 1): string =>
  `kind: AgentDeployment\nmetadata: { name: ${name} }\nspec: { replicas: ${field} }\n`;

const TWO = `${object('a')}---\n${object('b')}`;

/** Checks a file with these texts at these times, and returns the valid text after each check. */
function looks(before: string | undefined, ...at: [ms: number, text: string | undefined][]) {
  const files = new SettledFiles(100, new Map(before === undefined ? [] : [['f', before]]));
  return at.map(([ms, text]) => {
    const { texts, ...rest } = files.look(new Map(text === undefined ? [] : [['f', text]]), ms);
    return { text: texts.get('f'), ...rest };
  });
}

describe('SettledFiles', () => {
  it('reports a change when the file has been quiet for a while', () => {
    expect(
      looks(object('a'), [0, object('a', 2)], [99, object('a', 2)], [100, object('a', 2)]),
    ).toEqual([
      { text: object('a'), held: [], lookAfterMs: 100 },
      { text: object('a'), held: [], lookAfterMs: 1 },
      { text: object('a', 2), held: [] },
    ]);
  });

  it('starts to wait again after each write', () => {
    const [, , last] = looks(
      object('a'),
      [0, object('a', 2)],
      [90, object('a', 3)],
      [180, object('a', 3)],
    );
    expect(last).toEqual({ text: object('a'), held: [], lookAfterMs: 10 });
  });

  it('never reports an emptied file as a change, and says so once it is quiet', () => {
    const [first, , last] = looks(TWO, [0, ''], [100, ''], [1e6, ' \n']);
    expect(first).toEqual({ text: TWO, held: [], lookAfterMs: 100 });
    expect(last).toMatchObject({ text: TWO });
    expect(looks(TWO, [0, ''], [1e6, ''])[1]).toEqual({
      text: TWO,
      held: [expect.stringContaining('f is empty, which counts as no change')],
    });
  });

  it.each([
    ['begins as before and then ends', TWO.slice(0, 40)],
    ['ends within a line', object('a', 7).slice(0, -4)],
    ['lacks an object', object('a', 7)],
  ])('waits longer for a text that %s, and says so', (_, text) => {
    const [, quiet, almost, last] = looks(TWO, [0, text], [100, text], [1999, text], [2000, text]);
    expect(quiet).toEqual({
      text: TWO,
      held: [expect.stringMatching(/^f looks half-written, so .* for 2s\.$/)],
      lookAfterMs: 1900,
    });
    expect(almost).toMatchObject({ text: TWO, lookAfterMs: 1 });
    expect(last).toEqual({ text, held: [] });
  });

  it('reports the whole text after a half of it', () => {
    const whole = TWO.replace('replicas: 1', 'replicas: 9');
    const steps: [number, string][] = [
      [0, ''],
      [150, whole.slice(0, 60)],
      [400, whole],
      [500, whole],
    ];
    expect(looks(TWO, ...steps).map(({ text }) => text)).toEqual([TWO, TWO, TWO, whole]);
  });

  it('reports an unreadable text as a change, which is then refused', () => {
    const wrong = `${TWO}  - : {\n`;
    expect(looks(TWO, [0, wrong], [100, wrong])[1]).toEqual({ text: wrong, held: [] });
  });

  it('does not report a file as deleted while it is replaced', () => {
    const steps = looks(TWO, [0, undefined], [50, TWO], [60, undefined], [160, undefined]);
    expect(steps.map(({ text }) => text)).toEqual([TWO, TWO, TWO, undefined]);
  });
});
