/** Whether the cursor is behind the title of a step, so that other output has to begin a new line. */
let lineIsOpen = false;

/** Prints progress to standard error, so that scripts can use standard output. */
export function say(line: string): void {
  process.stderr.write(`${lineIsOpen ? '\n' : ''}${line}\n`);
  lineIsOpen = false;
}

/** Runs a step. Prints its title before and its duration in seconds after. Steps may nest. */
export async function step<T>(title: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  process.stderr.write(`${lineIsOpen ? '\n' : ''}==> ${title} … `);
  lineIsOpen = true;
  const end = (outcome: string): void => {
    process.stderr.write(lineIsOpen ? `${outcome}\n` : `    ${title}: ${outcome}\n`);
    lineIsOpen = false;
  };
  try {
    const result = await work();
    end(`${seconds(started)} s`);
    return result;
  } catch (error) {
    end(`failed after ${seconds(started)} s`);
    throw error;
  }
}

function seconds(started: number): string {
  const elapsed = (performance.now() - started) / 1000;
  return elapsed < 10 ? elapsed.toFixed(1) : elapsed.toFixed(0);
}

/** Calls `ready` each `every` ms until it returns neither undefined nor false. Rejects with `what` after `timeout` ms. */
export async function waitFor<T>(
  what: string,
  timeout: number,
  ready: () => Promise<T | undefined | false> | T | undefined | false,
  every = 100,
): Promise<T> {
  const deadline = performance.now() + timeout;
  for (;;) {
    const answer = await ready();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${Math.round(timeout / 1000)} s`);
    await new Promise((resolve) => setTimeout(resolve, every));
  }
}
