import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Access } from '../../kit/operator/access.ts';

/** Messages of the simulated runtimes. Times are milliseconds since 1970, of a clock that all processes share. */
export type Tell =
  | { type: 'ready' }
  | { type: 'configured'; key: string; hash: string; at: number }
  | { type: 'changed'; key: string; at: number }
  | { type: 'counted'; messages: number };

/** Orders to the simulated runtimes. Without a key, an order is for all of them. */
export type Order =
  | { type: 'change'; key?: string; to: 'Open' | 'Closed' }
  | { type: 'traffic'; on: boolean }
  | { type: 'calls'; perSecond: number }
  | { type: 'count' };

/** The process of the simulated runtimes. */
export class Runtimes {
  readonly #child: ChildProcess;
  /** Called for every message. */
  onTell: (message: Tell) => void = () => undefined;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message: Tell) => this.onTell(message));
  }

  /**
   * @param authority certificate of the operator's authority, PEM
   * @param dead address of pods without a runtime
   */
  static async start(access: Access, authority: string, dead?: string): Promise<Runtimes> {
    const child = fork(join(import.meta.dirname, 'runtimesMain.ts'), {
      env: { ...process.env, BENCH: JSON.stringify({ access, authority, dead }) },
    });
    await once(child, 'message');
    return new Runtimes(child);
  }

  order(order: Order): void {
    this.#child.send(order);
  }

  /** Number of messages about limits of the fleet so far, in both directions. */
  messages(): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<number>();
    // If several messages come together, `once` in a loop would see only the first.
    const listen = (message: Tell): void => {
      if (message.type !== 'counted') return;
      this.#child.off('message', listen);
      resolve(message.messages);
    };
    this.#child.on('message', listen);
    this.order({ type: 'count' });
    return promise;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
