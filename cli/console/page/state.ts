import { useEffect, useState } from 'preact/hooks';
import type { TableChange, TableLine } from '../answers.ts';
import { since } from '../../view/time.ts';
import type { Trip } from '../../view/trips.ts';
import { place, tableChanges } from './api.ts';

/** What the page knows of the cluster. */
export interface Seen {
  /** The worst first. */
  lines: readonly TableLine[];
  trips: readonly Trip[];
  /** When the server last told; undefined before. */
  at?: string;
  /** Why what is shown may be old. */
  problem?: string;
}

const GRAVITY = { bad: 0, warn: 1, ok: 2 };
const AGAIN_MS = 2000;

/** Follows the table for as long as the page is open. */
export function useSeen(): Seen {
  const [seen, setSeen] = useState<Seen>({ lines: [], trips: [] });
  useEffect(() => void follow(setSeen), []);
  return seen;
}

async function follow(set: (seen: Seen) => void): Promise<void> {
  let seen: Seen = { lines: [], trips: [] };
  for (;;) {
    const lines = new Map<string, TableLine>();
    try {
      for await (const change of tableChanges()) set((seen = changed(seen, lines, change)));
    } catch (error) {
      set((seen = { ...seen, problem: error instanceof Error ? error.message : String(error) }));
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/** What is seen after a change, which it enters into `lines`. */
function changed(seen: Seen, lines: Map<string, TableLine>, change: TableChange): Seen {
  const { at, problem, gone, trips = seen.trips } = change;
  for (const line of change.changed) lines.set(line.key, line);
  for (const key of gone) lines.delete(key);
  const same = change.changed.length === 0 && gone.length === 0 && lines.size === seen.lines.length;
  return {
    ...{ at, trips, lines: same ? seen.lines : [...lines.values()].sort(worstFirst) },
    problem: problem === undefined ? undefined : `The API server does not answer: ${problem}`,
  };
}

function worstFirst(a: TableLine, b: TableLine): number {
  return GRAVITY[a.level] - GRAVITY[b.level] || (a.key < b.key ? -1 : 1);
}

/** What the address says, at each change of it. */
export function usePlace(): URLSearchParams {
  const [now, setNow] = useState(place());
  useEffect(() => {
    const moved = (): void => setNow(place());
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return now;
}

/** The time, each second, for ages. */
export function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

/** How long ago a time is, such as 4m10s. */
export function ago(time: string | undefined, now: number): string {
  return since(time, new Date(now));
}
