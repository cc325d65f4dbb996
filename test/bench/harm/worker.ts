/** Plays what the main thread asks for, one after another. */
import { parentPort } from 'node:worker_threads';
import { play } from './play.ts';
import type { Played, Variant } from './play.ts';
import { SCENARIOS } from './scenarios.ts';

export interface Task {
  id: number;
  /** Name of the scenario. */
  scenario: string;
  variant: Variant;
  seed: number;
}

export interface Result {
  id: number;
  direct: Played;
  through: Played;
}

parentPort!.on('message', ({ id, scenario, variant, seed }: Task) => {
  const found = SCENARIOS.find(({ name }) => name === scenario)!;
  void (async () => {
    const direct = await play(found, 'Direct', variant, seed);
    const through = await play(found, 'Through', variant, seed);
    const result: Result = { id, direct, through };
    parentPort!.postMessage(result);
  })();
});
