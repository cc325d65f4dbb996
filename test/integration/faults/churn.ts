import type { ApiServer } from '../apiserver.ts';

/** Changes ConfigMaps of a namespace one after another, without the proxy, until it is stopped. */
export class Churn {
  readonly #server: ApiServer;
  readonly #namespace: string;
  readonly #names: number;
  #stopped = false;
  #done: Promise<void> = Promise.resolve();
  #seed = 7;
  changes = 0;

  constructor(server: ApiServer, namespace: string, names = 40) {
    this.#server = server;
    this.#namespace = namespace;
    this.#names = names;
  }

  start(): this {
    this.#stopped = false;
    this.#done = this.#run();
    return this;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  /** Makes `count` changes. */
  async make(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.#change();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) await this.#change();
  }

  /** Changes or deletes an existing name with the same probability. Ignores failures, as in an outage. */
  async #change(): Promise<void> {
    const name = `object-${Math.floor(this.#random() * this.#names)}`;
    const collection = `/api/v1/namespaces/${this.#namespace}/configmaps`;
    const remove = this.#random() < 0.3;
    const body = { metadata: { name }, data: { change: `${this.changes} ${'é'.repeat(50)}` } };
    try {
      if (remove) await this.#server.request('DELETE', `${collection}/${name}`);
      else await this.#server.apply(`${collection}/${name}`, { ...CONFIG_MAP, ...body });
      this.changes += 1;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #random(): number {
    this.#seed = (this.#seed * 16_807) % 2_147_483_647;
    return this.#seed / 2_147_483_647;
  }
}

const CONFIG_MAP = { apiVersion: 'v1', kind: 'ConfigMap' };
