/** What the process does besides what the guard counts. */
export class Activity {
  /** Shutdown has begun. */
  leaving = false;
  /** Requests for streamed answers that are not over. */
  streams = 0;

  /** Counts a request for a streamed answer; the answer counts it out. */
  stream(): () => void {
    this.streams += 1;
    return () => {
      this.streams -= 1;
    };
  }
}
