/** Counts work that the guard does not see. */
export class Activity {
  /** Streamed answers under way. */
  streams = 0;
}
