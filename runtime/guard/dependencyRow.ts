import { BULKHEAD_CELLS } from '../resilience/bulkhead.ts';
import { CIRCUIT_CELLS } from './circuit.ts';
import { LIMIT_CELLS } from './limiter.ts';

// Columns of a dependency: its circuit's, then these, so that the numbers lie in the order of use.
/** Where those of its bulkhead begin. */
export const SLOTS = CIRCUIT_CELLS;
/** What a call takes by the numbers alone: ASK, BY_SLOT or BY_SLOT_AND_LIMIT. */
export const TAKES = SLOTS + BULKHEAD_CELLS;
/** Where those of its first limit begin. */
export const LIMIT = TAKES + 1;
/** Numbers of a dependency in a row. */
export const DEPENDENCY_CELLS = LIMIT + LIMIT_CELLS;

/** The dependency has to be asked: there are gates, or other bounds, or it is gone. */
export const ASK = 0;
export const BY_SLOT = 1;
export const BY_SLOT_AND_LIMIT = 2;
