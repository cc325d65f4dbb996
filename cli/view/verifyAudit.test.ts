import { describe, expect, it } from '@jest/globals';
import { FIRST_HASH, chainHash, type SealedEvent } from '../../contract/audit.ts';
import { verify } from './verifyAudit.ts';

/** Lines of a chain of `count` events. */
function chain(
  count: number,
  id = 'chain-a',
  continues?: { chain: string; sequence: number; hash: string },
): string[] {
  let previous = continues?.hash ?? FIRST_HASH;
  return Array.from({ length: count }, (_, index) => {
    const event = {
      time: 1000 + index,
      class_uid: 6003,
      message: `Event ${index + 1}.`,
      metadata: { sequence: index + 1 },
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
const headOf = (line: string): { chain: string; sequence: number; hash: string } => {
  const { metadata, unmapped } = JSON.parse(line) as SealedEvent;
  return { chain: unmapped!.chain!, sequence: metadata.sequence!, hash: unmapped!.hash! };
};

describe('verify', () => {
  it('accepts a whole chain, in several files in any order and on standard output', () => {
    const lines = chain(10);
    const found = verify([file(lines.slice(6), 'b.jsonl'), file(lines.slice(0, 6))]);
    expect(found).toEqual({
      events: 10,
      chains: [{ chain: 'chain-a', first: 1, last: 10 }],
      findings: [],
      notes: [],
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
    expect(verify([file(lines)], [headOf(lines[9]!), headOf(lines[3]!)]).findings).toEqual([]);
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

  it('names what the files cannot prove', () => {
    const lines = chain(10);
    const { findings, notes } = verify([file(lines.slice(3))]);
    expect(findings).toEqual([]);
    expect(notes).toEqual([
      'Chain chain-a begins with event 4: those before are in none of the files.',
    ]);
  });
});
