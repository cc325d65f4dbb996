import { chainHash, unsealed } from '../../contract/audit.ts';
import type { ChainHead, SealedEvent } from '../../contract/audit.ts';

/** A file of events, as its lines. */
export interface AuditFile {
  name: string;
  text: string;
}

/** Head of a chain that the operator has seen, from the pod that it belongs to. */
export interface SeenHead extends ChainHead {
  pod: string;
  /** When the operator saw it, as RFC 3339. */
  time: string;
}

/** A fault and its place. */
export interface Finding {
  /** Cut: events are missing. Unknown: the operator should know the chain, and does not. */
  kind: 'Malformed' | 'Changed' | 'Reordered' | 'Cut' | 'Unknown';
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
  /** What could not be checked. */
  unchecked: string[];
}

interface Link {
  where: string;
  pod: string;
  chain: string;
  sequence: number;
  previous: string;
  hash: string;
  intact: boolean;
  continues: ChainHead | undefined;
  time: number;
}

/** Checks whether files contain whole chains, and, given heads, whether the operator has seen these chains. */
export function verify(files: readonly AuditFile[], heads?: readonly SeenHead[]): Verification {
  const findings: Finding[] = [];
  const links = files
    .map((file) => linksIn(file, findings))
    .sort(([a], [b]) => (a?.time ?? 0) - (b?.time ?? 0) || (a?.sequence ?? 0) - (b?.sequence ?? 0))
    .flat();
  const chains = Map.groupBy(links, ({ chain }) => chain);
  const unchecked: string[] = [];
  for (const [chain, all] of chains) checkChain(chain, all, chains, { findings, unchecked });
  if (heads) checkHeads(heads, chains, { findings, unchecked });
  else if (links.length > 0) unchecked.push(WITHOUT_HEADS);
  return {
    events: links.length,
    chains: Array.from(chains, ([chain, all]) => {
      const numbers = all.map(({ sequence }) => sequence);
      return { chain, first: least(numbers), last: greatest(numbers) };
    }),
    findings,
    unchecked,
  };
}

const WITHOUT_HEADS =
  'Without --agent nothing shows whether a chain was written anew, added, or cut at its end.';

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
  const intact = hashOf(previous, event) === hash;
  const pod = podOf(event);
  return { where, pod, chain, sequence, previous, hash, intact, continues, time: event.time };
}

/** Undefined for an event that RFC 8785 cannot write, such as one with half a character. */
function hashOf(previous: string, event: SealedEvent): string | undefined {
  try {
    return chainHash(previous, unsealed(event));
  } catch {
    return undefined;
  }
}

/** The source is NAMESPACE/AGENT/POD. */
function podOf({ metadata: { source = '' } }: SealedEvent): string {
  return source.split('/').at(-1)!;
}

function parse(line: string): SealedEvent | undefined {
  try {
    return JSON.parse(line) as SealedEvent;
  } catch {
    return undefined;
  }
}

interface Notes {
  findings: Finding[];
  unchecked: string[];
}

function checkChain(
  chain: string,
  links: readonly Link[],
  chains: ReadonlyMap<string, Link[]>,
  { findings, unchecked }: Notes,
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
  const stranger = links.find(({ pod }) => pod !== links[0]!.pod);
  if (stranger) {
    const message = `The event names pod ${stranger.pod}, but the chain is of pod ${links[0]!.pod}.`;
    findings.push({ kind: 'Changed', where: stranger.where, message });
  }
  checkStart(chain, sorted[0]!, chains, { findings, unchecked });
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
  { findings, unchecked }: Notes,
): void {
  const { sequence, continues, where } = first;
  if (sequence > 1) {
    unchecked.push(
      `Chain ${chain} begins with event ${sequence}: those before are in none of the files, because older files were removed or somebody cut them off.`,
    );
    return;
  }
  if (!continues) return;
  const before = chains.get(continues.chain);
  const last = before?.find((link) => link.sequence === continues.sequence);
  if (!before) {
    unchecked.push(
      `Chain ${chain} continues chain ${continues.chain}, which is in none of the files.`,
    );
  } else if (!last) {
    const message = `Chain ${continues.chain} lacks event ${continues.sequence}, which this chain continues.`;
    findings.push({ kind: 'Cut', where, message });
  } else if (last.hash !== continues.hash || last.hash !== first.previous) {
    const message = `Event ${continues.sequence} of chain ${continues.chain} is not the one that this chain continues.`;
    findings.push({ kind: 'Changed', where: last.where, message });
  }
}

function checkHeads(
  heads: readonly SeenHead[],
  chains: ReadonlyMap<string, Link[]>,
  notes: Notes,
): void {
  const pods = Map.groupBy([...chains.values()].flat(), ({ pod }) => pod);
  for (const head of heads) {
    const links = chains.get(head.chain);
    if (links?.[0]!.pod === head.pod) checkHead(head, links, notes);
    else checkMissing(head, pods.get(head.pod), notes);
  }
  const seen = seenChains(heads, chains);
  for (const [chain, links] of chains) if (!seen.has(chain)) reportUnseen(links, heads, notes);
}

function checkHead(
  { chain, sequence, hash, time }: SeenHead,
  links: readonly Link[],
  { findings, unchecked }: Notes,
): void {
  const last = greatest(links.map((link) => link.sequence));
  const found = links.find((link) => link.sequence === sequence);
  if (last < sequence) {
    const message = `Chain ${chain} ends with event ${last}, but the operator has seen event ${sequence}.`;
    findings.push({ kind: 'Cut', message });
  } else if (found && found.hash !== hash) {
    const message = `Event ${sequence} is not the one that the operator has seen: the chain was written anew.`;
    findings.push({ kind: 'Changed', where: found.where, message });
  } else if (last > sequence) {
    unchecked.push(
      `Events ${sequence + 1} to ${last} of chain ${chain} are newer than what the operator had seen by ${time}.`,
    );
  }
}

/** A chain that the operator has seen, and that is in none of the files. */
function checkMissing(
  { pod, chain, sequence, time }: SeenHead,
  ofPod: readonly Link[] | undefined,
  { findings, unchecked }: Notes,
): void {
  const text = `The operator has seen chain ${chain} of pod ${pod} up to event ${sequence}; none of the files has it.`;
  const first = ofPod?.reduce((a, b) => (a.time <= b.time ? a : b));
  // Older files may have been removed, unless the pod's first chain is there from its first event.
  const removed =
    first && Date.parse(time) < first.time && !(first.sequence === 1 && !first.continues);
  if (first && !removed) findings.push({ kind: 'Cut', message: text });
  else unchecked.push(text);
}

/** Chains with a head of the same pod, and the chains before them, whose last hash they include. */
function seenChains(
  heads: readonly SeenHead[],
  chains: ReadonlyMap<string, Link[]>,
): ReadonlySet<string> {
  const seen = new Set<string>();
  const follow = (chain: string, pod: string): void => {
    const links = chains.get(chain);
    if (seen.has(chain) || links?.[0]!.pod !== pod) return;
    seen.add(chain);
    const before = links.find(({ continues }) => continues)?.continues;
    if (before) follow(before.chain, pod);
  };
  for (const { chain, pod } of heads) follow(chain, pod);
  return seen;
}

/** Heads of one pod that status keeps. */
const HEADS_OF_POD = 4;

function reportUnseen(
  [link]: readonly Link[],
  heads: readonly SeenHead[],
  { findings, unchecked }: Notes,
): void {
  const { chain, pod, where } = link!;
  const count = heads.filter((head) => head.pod === pod).length;
  if (count > 0 && count < HEADS_OF_POD) {
    const message = `The operator has seen pod ${pod}, but neither chain ${chain} nor one that continues it: somebody added it, or its process lived less than five minutes.`;
    findings.push({ kind: 'Unknown', where, message });
  } else {
    unchecked.push(
      `The operator has no head of chain ${chain} of pod ${pod}, nor of one that continues it: nothing shows whether the chain is genuine.`,
    );
  }
}

function pairs<T>(all: readonly T[]): (readonly [T, T])[] {
  return all.slice(1).map((each, index) => [all[index]!, each] as const);
}

const least = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.min(a, b));
const greatest = (numbers: readonly number[]): number => numbers.reduce((a, b) => Math.max(a, b));
