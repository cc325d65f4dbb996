import { Rows } from '../resilience/rows.ts';
import { DEPENDENCY_CELLS } from './dependencyRow.ts';
import { Handle } from './handle.ts';
import type { GuardContext } from './heldPermit.ts';

/** Handles that are made at a time: at first, and when there are many. */
const BLOCK = 16;
const LARGE_BLOCK = 1024;

/**
 * Makes handles with their rows, many at a time and before anything else of their dependencies, so
 * that they come to lie close to each other in memory.
 */
export class Handles {
  private readonly context: GuardContext;
  private readonly rows = new Rows(DEPENDENCY_CELLS);
  private ready: Handle[] = [];
  private next = 0;
  private block = BLOCK;

  constructor(context: GuardContext) {
    this.context = context;
  }

  /** One that nobody has, for a new dependency. */
  add(): Handle {
    if (this.next === this.ready.length) this.make();
    const handle = this.ready[this.next]!;
    this.next += 1;
    return handle;
  }

  private make(): void {
    const make = (): Handle => new Handle(this.context, this.rows.add());
    this.ready = Array.from({ length: this.block }, make);
    this.next = 0;
    this.block = Math.min(2 * this.block, LARGE_BLOCK);
  }
}
