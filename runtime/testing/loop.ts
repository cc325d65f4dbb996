import { request } from 'node:http';
import { join } from 'node:path';

export interface Loop {
  /** The longest turn of the event loop, in milliseconds of the processor. */
  longestHoldMs: number;
  heapBytes: number;
}

/** Flags of Node.js for a process whose event loop `askLoop` can ask about. */
export function loopFlags(directory: string): string[] {
  const watch = new URL(`loopWatch.ts?socket=${socketIn(directory)}`, import.meta.url).href;
  return ['--expose-gc', '--import', watch];
}

/** What was seen since the last `/collect`, which collects garbage. */
export function askLoop(directory: string, path: '/' | '/collect' = '/'): Promise<Loop> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socketIn(directory), path }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve(JSON.parse(text) as Loop));
    });
    asked.on('error', reject).end();
  });
}

function socketIn(directory: string): string {
  return join(directory, 'loop');
}
