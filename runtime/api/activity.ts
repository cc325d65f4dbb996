/** Counts work that the guard does not see. */
export class Activity {
  /** Streamed answers under way. */
  streams = 0;

  /** Counts a streamed answer until the returned function is called. */
  stream(): () => void {
    this.streams += 1;
    return () => {
      this.streams -= 1;
    };
  }
}
