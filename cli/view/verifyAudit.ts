import { chainHash, unsealed } from '../../contract/audit.ts';
import type { ChainHead, SealedEvent } from '../../contract/audit.ts';

/** A file of events, as its lines. */
export interface AuditFile {
  name: string;
  text: string;
}

/** A fault and its place. */
export interface Finding {
  /** Cut: events are missing. */
  kind: 'Malformed' | 'Changed' | 'Reordered' | 'Cut';
  /** FILE:LINE. Absent if the fault is not in a single line. */
  where?: string;
  message: string;
}

export interface VerifiedChain {
  chain: string;
  /** Numbers of its first and its last event. */
  first: number;
  last: number;
}

export interface Verification {
  events: number;
  chains: VerifiedChain[];
  findings: Finding[];
  /** Notes on what the files cannot prove. */
  notes: string[];
}

interface Link {
  where: string;
  chain: string;
  sequence: number;
  previous: string;
  hash: string;
  intact: boolean;
  continues: ChainHead | undefined;
  time: number;
}

/** Checks whether files contain whole chains that reach the heads in the agent's status. */
export function verify(
  files: readonly AuditFile[],
  heads: readonly ChainHead[] = [],
): Verification {
  const findings: Finding[] = [];
  const links = files
    .map((file) => linksIn(file, findings))
    .sort(([a], [b]) => (a?.time ?? 0) - (b?.time ?? 0) || (a?.sequence ?? 0) - (b?.sequence ?? 0))
    .flat();
  const chains = Map.groupBy(links, ({ chain }) => chain);
  const notes: string[] = [];
  for (const [chain, all] of chains) checkChain(chain, all, chains, { findings, notes });
  for (const head of heads) checkHead(head, chains.get(head.chain), { findings, notes });
  return {
    events: links.length,
    chains: Array.from(chains, ([chain, all]) => {
      const numbers = all.map(({ sequence }) => sequence);
      return { chain, first: least(numbers), last: greatest(numbers) };
    }),
    findings,
    notes,
  };
}

function linksIn({ name, text }: AuditFile, findings: Finding[]): Link[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || isLogLine(line)) return [];
    const where = `${name}:${index + 1}`;
    const link = linkOf(line, where);
    if (link) return [link];
    findings.push({ kind: 'Malformed', where, message: 'It is no sealed event.' });
    return [];
  });
}

/** The standard output of a pod contains the log too. */
function isLogLine(line: string): boolean {
  return line.startsWith('{"level":"');
}

function linkOf(line: string, where: string): Link | undefined {
  const event = parse(line);
  const { chain, previous_hash: previous, hash, continues } = event?.unmapped ?? {};
  const sequence = event?.metadata?.sequence;
  if (!event || chain === undefined || previous === undefined || hash === undefined)
    return undefined;
  if (typeof sequence !== 'number') return undefined;
  const intact = chainHash(previous, unsealed(event)) === hash;
  return { where, chain, sequence, previous, hash, intact, continues, time: event.time };
}

function parse(line: string): SealedEvent | undefined {
  try {
    return JSON.parse(line) as SealedEvent;
  } catch {
    return undefined;
  }
}

interface Told {
  findings: Finding[];
  notes: string[];
}

function checkChain(
  chain: string,
  links: readonly Link[],
  chains: ReadonlyMap<string, Link[]>,
  { findings, notes }: Told,
): void {
  for (const { where, sequence, intact } of links) {
    if (intact) continue;
    const message = `Event ${sequence} was changed: its hash does not fit its content.`;
    findings.push({ kind: 'Changed', where, message });
  }
  for (const [before, link] of pairs(links)) {
    if (link.sequence > before.sequence) continue;
    const { where, sequence } = link;
    const message = `Event ${sequence} comes after event ${before.sequence}.`;
    findings.push({ kind: 'Reordered', where, message });
  }
  const sorted = links.toSorted((a, b) => a.sequence - b.sequence);
  for (const pair of pairs(sorted)) checkPair(pair, findings);
  checkStart(chain, sorted[0]!, chains, { findings, notes });
}

function checkPair([before, link]: readonly [Link, Link], findings: Finding[]): void {
  const { where, sequence, previous } = link;
  const missing = sequence - before.sequence - 1;
  if (missing > 0) {
    const which = missing === 1 ? `Event ${sequence - 1} is` : `${missing} events are`;
    findings.push({ kind: 'Cut', where, message: `${which} missing before event ${sequence}.` });
  } else if (missing === 0 && previous !== before.hash) {
    const message = `Event ${sequence} does not follow from event ${before.sequence}: one of them was changed.`;
    findings.push({ kind: 'Changed', where, message });
  }
}

function checkStart(
  chain: string,
  first: Link,
  chains: ReadonlyMap<string, Link[]>,
  { findings, notes }: Told,
): void {
  const { sequence, continues, where } = first;
  if (sequence > 1) {
    notes.push(
      `Chain ${chain} begins with event ${sequence}: those before are in none of the files.`,
    );
    return;
  }
  if (!continues) return;
  const before = chains.get(continues.chain);
  const last = before?.find((link) => link.sequence === continues.sequence);
  if (!before) {
    notes.push(`Chain ${chain} continues chain ${continues.chain}, which is in none of the files.`);
  } else if (!last) {
    const message = `Chain ${continues.chain} lacks event ${continues.sequence}, which this chain continues.`;
    findings.push({ kind: 'Cut', where, message });
  } else if (last.hash !== continues.hash || last.hash !== first.previous) {
    const message = `Event ${continues.sequence} of chain ${continues.chain} is not the one that this chain continues.`;
    findings.push({ kind: 'Changed', where: last.where, message });
  }
}

function checkHead(head: ChainHead, links: Link[] | undefined, { findings, notes }: Told): void {
  const { chain, sequence, hash } = head;
  if (!links) {
    notes.push(
      `The operator has seen chain ${chain} up to event ${sequence}; none of the files has it.`,
    );
    return;
  }
  const last = greatest(links.map((link) => link.sequence));
  const found = links.find((link) => link.sequence === sequence);
  if (last < sequence) {
    const message = `Chain ${chain} ends with event ${last}, but the operator has seen event ${sequence}.`;
    findings.push({ kind: 'Cut', message });
  } else if (found && found.hash !== hash) {
    const message = `Event ${sequence} is not the one that the operator has seen: the chain was written anew.`;
    findings.push({ kind: 'Changed', where: found.where, message });
  }
}

function pairs<T>(all: readonly T[]): (readonly [T, T])[] {
  return all.slice(1).map((each, index) => [all[index]!, each] as const);
}

const least = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.min(a, b));
const greatest = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b));
