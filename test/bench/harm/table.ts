import type { Played, Variant } from './play.ts';

/** The sums of all pods in one variant of a scenario. */
export interface Row {
  scenario: string;
  variant: Variant;
  direct: Played;
  through: Played;
}

/** Share of the requests served through the runtime ÷ that without it; undefined where none is. */
export function shareRatio({ direct, through }: Row): number | undefined {
  if (direct.served === 0) return undefined;
  return through.served / through.asked / (direct.served / direct.asked);
}

/** Calls of providers per served request, through the runtime for each without it. */
export function callsPerServed({ direct, through }: Row): number | undefined {
  if (direct.served === 0 || through.served === 0) return undefined;
  return through.calls / through.served / (direct.calls / direct.served);
}

export function variantName({ rate, fallback, fresh }: Variant): string {
  return `${rate}/s, ${fallback ? 'fallback' : 'alone'}${fresh ? ', fresh' : ''}`;
}

const sum = (rows: readonly Row[], of: (row: Row) => number): number =>
  rows.reduce((all, row) => all + of(row), 0);

export interface Figures {
  worst: number;
  /** Worst of the outage alone, which has a bar of its own. */
  outage: number;
  mean: number;
  meanAlone: number;
  meanFallback: number;
  calls: number;
  callsServed: number;
}

/** The outage of an endpoint without a fallback. */
const isOutage = ({ scenario, variant }: Row): boolean =>
  scenario === 'outage' && !variant.fallback;

/** A fault at random is one kind, however often it comes. */
function kindOf({ scenario, variant: { rate, fallback } }: Row): string {
  return `${scenario.replace(/^\d+ % /, '')}, ${rate}, ${fallback}`;
}

export function figuresOf(rows: readonly Row[]): Figures {
  const ratios = (of: readonly Row[]): number[] =>
    of.map(shareRatio).filter((each) => each !== undefined);
  const average = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0) / all.length;
  const mean = (of: readonly Row[]): number =>
    average([...Map.groupBy(of, kindOf).values()].map((rows) => average(ratios(rows))));
  return {
    worst: Math.min(...ratios(rows.filter((row) => !isOutage(row)))),
    outage: Math.min(...ratios(rows.filter(isOutage))),
    mean: mean(rows),
    meanAlone: mean(rows.filter(({ variant }) => !variant.fallback)),
    meanFallback: mean(rows.filter(({ variant }) => variant.fallback)),
    calls: sum(rows, ({ through }) => through.calls) / sum(rows, ({ direct }) => direct.calls),
    callsServed: Math.max(
      ...rows.map(callsPerServed).filter((each): each is number => each !== undefined),
    ),
  };
}
