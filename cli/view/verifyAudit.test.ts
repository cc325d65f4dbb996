import { describe, expect, it } from '@jest/globals';
import { FIRST_HASH, chainHash, type SealedEvent } from '../../contract/audit.ts';
import { verify, type SeenHead } from './verifyAudit.ts';

/** Lines of a chain of `count` events. */
function chain(
  count: number,
  id = 'chain-a',
  continues?: { chain: string; sequence: number; hash: string },
  pod = 'p1',
): string[] {
  let previous = continues?.hash ?? FIRST_HASH;
  return Array.from({ length: count }, (_, index) => {
    const event = {
      time: 1000 + index,
      class_uid: 6003,
      message: `Event ${index + 1}.`,
      metadata: { sequence: index + 1, source: `default/triage/${pod}` },
    };
    const own = { chain: id, ...(index === 0 && continues && { continues }) };
    const hash = chainHash(previous, { ...event, unmapped: own });
    const line = JSON.stringify({ ...event, unmapped: { ...own, previous_hash: previous, hash } });
    previous = hash;
    return line;
  });
}

const file = (lines: readonly string[], name = 'a.jsonl'): { name: string; text: string } => ({
  name,
  text: lines.map((line) => `${line}\n`).join(''),
});
const kinds = (lines: readonly string[]): string[] =>
  verify([file(lines)]).findings.map(({ kind, where }) => `${kind} ${where}`);
const headOf = (line: string, changes: Partial<SeenHead> = {}): SeenHead => {
  const { metadata, unmapped } = JSON.parse(line) as SealedEvent;
  const { chain: id, hash } = unmapped as { chain: string; hash: string };
  const seen = { pod: 'p1', time: '2026-11-22T10:00:00Z' };
  return { chain: id, sequence: metadata.sequence!, hash, ...seen, ...changes };
};

describe('verify', () => {
  it('accepts a whole chain, in several files in any order and on standard output', () => {
    const lines = chain(10);
    const found = verify([file(lines.slice(6), 'b.jsonl'), file(lines.slice(0, 6))]);
    expect(found).toEqual({
      events: 10,
      chains: [{ chain: 'chain-a', first: 1, last: 10 }],
      findings: [],
      unchecked: [expect.stringContaining('Without --agent')],
    });
    const stdout = lines.flatMap((line) => [
      '{"level":"info","msg":"Something"}',
      `{"stream":"audit",${line.slice(1)}`,
    ]);
    expect(verify([file(stdout)])).toMatchObject({ events: 10, findings: [] });
  });

  it.each([0, 4, 9])('finds an event that was changed, at line %i', (at) => {
    const lines = chain(10);
    lines[at] = lines[at]!.replace('Event', 'event');
    expect(kinds(lines)).toEqual([`Changed a.jsonl:${at + 1}`]);
  });

  it('finds an event that was changed and hashed again', () => {
    const lines = chain(10);
    const event = JSON.parse(lines[4]!) as SealedEvent & { message: string };
    const { chain: id, previous_hash: previous } = event.unmapped!;
    const changed = { ...event, message: 'Nothing happened.', unmapped: { chain: id } };
    const hash = chainHash(previous!, changed);
    lines[4] = JSON.stringify({
      ...changed,
      unmapped: { chain: id, previous_hash: previous, hash },
    });
    expect(kinds(lines)).toEqual(['Changed a.jsonl:6']);
  });

  it('finds events that were dropped', () => {
    const lines = chain(10);
    expect(kinds(lines.toSpliced(4, 1))).toEqual(['Cut a.jsonl:5']);
    expect(verify([file(lines.toSpliced(4, 3))]).findings[0]!.message).toBe(
      '3 events are missing before event 8.',
    );
  });

  it('finds events that were swapped, or written twice', () => {
    const lines = chain(10);
    const swapped = lines.with(3, lines[4]!).with(4, lines[3]!);
    expect(kinds(swapped)).toEqual(['Reordered a.jsonl:5']);
    expect(kinds(lines.toSpliced(5, 0, lines[4]!))).toEqual(
      ['Reordered a.jsonl:6', expect.stringContaining('Changed')].slice(0, 1),
    );
  });

  it('finds an event with half a character, which no pod writes', () => {
    const lines = chain(3);
    lines[1] = lines[1]!.replace('Event 2.', '\\ud83d');
    expect(kinds(lines)).toEqual(['Changed a.jsonl:2']);
  });

  it('finds a line that was cut short', () => {
    const lines = chain(3);
    lines[2] = lines[2]!.slice(0, 40);
    expect(kinds(lines)).toEqual(['Malformed a.jsonl:3']);
  });

  it('finds a missing tail by the head that the operator has seen', () => {
    const lines = chain(10);
    const cut = [file(lines.slice(0, 7))];
    expect(verify(cut).findings).toEqual([]);
    expect(verify(cut, [headOf(lines[9]!)]).findings).toMatchObject([{ kind: 'Cut' }]);
    const { findings, unchecked } = verify([file(lines)], [headOf(lines[9]!)]);
    expect([findings, unchecked]).toEqual([[], []]);
    expect(verify([file(lines)], [headOf(lines[3]!)])).toMatchObject({
      findings: [],
      unchecked: [
        'Events 5 to 10 of chain chain-a are newer than what the operator had seen by 2026-11-22T10:00:00Z.',
      ],
    });
  });

  it('finds a chain that was rewritten, by the head that the operator has seen', () => {
    const head = headOf(chain(10)[9]!);
    const anew = chain(10).map((line) => JSON.parse(line) as SealedEvent & { message: string });
    let previous = FIRST_HASH;
    const lines = anew.map((event) => {
      const own = { ...event, message: 'Nothing.', unmapped: { chain: 'chain-a' } };
      const hash = chainHash(previous, own);
      const line = JSON.stringify({
        ...own,
        unmapped: { chain: 'chain-a', previous_hash: previous, hash },
      });
      previous = hash;
      return line;
    });
    expect(verify([file(lines)]).findings).toEqual([]);
    expect(verify([file(lines)], [head]).findings).toMatchObject([
      { kind: 'Changed', where: 'a.jsonl:10' },
    ]);
  });

  it('follows a chain over a restart, and notices a tail that is missing before it', () => {
    const first = chain(5);
    const second = chain(3, 'chain-b', headOf(first[4]!)).map((line) =>
      line.replace(/"time":(\d+)/, '"time":$1'),
    );
    expect(verify([file([...first, ...second])]).findings).toEqual([]);
    expect(verify([file([...first.slice(0, 4), ...second])]).findings).toMatchObject([
      { kind: 'Cut', where: 'a.jsonl:5' },
    ]);
  });

  it('says what it could not check', () => {
    const lines = chain(10);
    const { findings, unchecked } = verify([file(lines.slice(3))], [headOf(lines[9]!)]);
    expect(findings).toEqual([]);
    expect(unchecked).toEqual([expect.stringContaining('Chain chain-a begins with event 4')]);
    const other = headOf(lines[9]!, { pod: 'p2', chain: 'chain-of-p2' });
    expect(verify([file(lines)], [headOf(lines[9]!), other]).unchecked).toEqual([
      'The operator has seen chain chain-of-p2 of pod p2 up to event 10; none of the files has it.',
    ]);
  });

  it('finds a chain that was added to the file', () => {
    const genuine = chain(10);
    const forged = chain(3, 'chain-f');
    const told = verify([file([...genuine, ...forged])], [headOf(genuine[9]!)]);
    expect(told.findings).toMatchObject([{ kind: 'Unknown', where: 'a.jsonl:11' }]);
    // Nothing shows whether a pod that the operator has forgotten wrote it.
    const former = verify(
      [file([...genuine, ...chain(3, 'chain-g', undefined, 'p0')])],
      [headOf(genuine[9]!)],
    );
    expect([former.findings, former.unchecked]).toEqual([
      [],
      [expect.stringContaining('no head of chain chain-g of pod p0')],
    ]);
  });

  it('takes a chain for genuine that one with a head continues', () => {
    const first = chain(5);
    const second = chain(3, 'chain-b', headOf(first[4]!));
    const { findings, unchecked } = verify([file([...first, ...second])], [headOf(second[2]!)]);
    expect([findings, unchecked]).toEqual([[], []]);
  });

  it('finds that a whole chain of a pod was taken out', () => {
    const first = chain(5);
    const alone = chain(3, 'chain-b');
    const heads = [headOf(alone[2]!), headOf(first[4]!)];
    expect(verify([file(alone)], heads).findings).toMatchObject([{ kind: 'Cut' }]);
    // Older files may have been removed: this chain says that it continues another.
    const second = chain(3, 'chain-b', headOf(first[4]!));
    const long = { time: new Date(500).toISOString() };
    const told = verify([file(second)], [headOf(second[2]!), headOf(first[4]!, long)]);
    expect(told.findings).toEqual([]);
    expect(told.unchecked).toHaveLength(2);
  });

  it('takes no head of another pod for one of this chain', () => {
    const lines = chain(10);
    const stolen = headOf(lines[9]!, { pod: 'evil', sequence: 99, hash: 'b'.repeat(64) });
    expect(verify([file(lines)], [headOf(lines[9]!), stolen])).toMatchObject({ findings: [] });
    const mixed = [...lines.slice(0, 5), lines[5]!.replace('triage/p1', 'triage/p2')];
    expect(verify([file(mixed)]).findings.map(({ message }) => message)).toContain(
      'The event names pod p2, but the chain is of pod p1.',
    );
  });
});
