import { mustShow } from '../demo/narrator.ts';
import { FRESH, HELD, type Scene, type Seen } from './scene.ts';

interface Row extends Seen {
  step: string;
  /** Pods with an open circuit. */
  open: { held: number; fresh: number };
  /** Newer fields that are there, if they were set. */
  fields?: { kept: number; all: number; lost: string[] };
}

const HEADINGS = [
  'step',
  'sent',
  'failed',
  'held: sent',
  'let through',
  'open',
  'fresh: open',
  'newer fields',
];

/** What each step of the story did to requests, circuits and fields. */
export class Table {
  readonly #scene: Scene;
  readonly #rows: Row[] = [];

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Adds what was seen since the row before; `withFields` once newer fields are set. */
  async row(step: string, withFields = false): Promise<void> {
    const scene = this.#scene;
    const seen = await scene.look();
    const open = { held: await scene.openPods(HELD), fresh: await scene.openPods(FRESH) };
    const fields = withFields ? { fields: await scene.newerFields() } : {};
    this.#rows.push({ step, ...seen, open, ...fields });
  }

  lines(): string[] {
    const cells = [HEADINGS, ...this.#rows.map(cellsOf)];
    const widths = HEADINGS.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
    return cells.map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  '),
    );
  }

  /** Throws a DemoFailure unless every request was answered, every field kept and every circuit left open. */
  check(): void {
    for (const { step, sent, failures, passed, open, fields } of this.#rows) {
      mustShow(sent > 0, `${step}: nothing was sent`);
      mustShow(failures.length === 0, `${step}: requests failed: ${JSON.stringify(failures)}`);
      mustShow(passed === 0, `${step}: ${passed} requests went past an open circuit`);
      mustShow(open.held === 2, `${step}: circuits of ${HELD} are open in ${open.held} pods of 2`);
      mustShow(!fields?.lost.length, `${step}: lost ${fields?.lost.join(', ')}`);
    }
  }
}

function cellsOf({ step, sent, failures, held, passed, open, fields }: Row): string[] {
  const failed = failures.reduce((sum, { count }) => sum + count, 0);
  const counts = [sent, failed, held, passed].map(String);
  return [
    step,
    ...counts,
    `${open.held} of 2`,
    `${open.fresh} of 1`,
    fields ? `${fields.kept} of ${fields.all}` : '',
  ];
}
