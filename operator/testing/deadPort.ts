import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Listens, and then blocks until its parent ends. The kernel accepts a few connections and drops the packets of others. */
const PROGRAM = `
  const { createServer } = require('node:net');
  const { writeSync } = require('node:fs');
  const [host, port] = process.argv.slice(1);
  const server = createServer();
  server.listen({ host, port: Number(port), backlog: 1 }, () => {
    writeSync(1, String(server.address().port));
    const cell = new Int32Array(new SharedArrayBuffer(4));
    const parent = process.ppid;
    while (process.ppid === parent) Atomics.wait(cell, 0, 0, 500);
    process.exit();
  });
`;

/** Control port of a pod on a dead node. No connection to it gets an answer. */
export class DeadPort {
  readonly port: number;
  readonly #process: ChildProcess;
  readonly #accepted: Socket[];

  private constructor(port: number, process: ChildProcess, accepted: Socket[]) {
    this.port = port;
    this.#process = process;
    this.#accepted = accepted;
  }

  static async start(host: string, port = 0): Promise<DeadPort> {
    const child = spawn(process.execPath, ['-e', PROGRAM, host, String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const failed = once(child, 'exit').then((): never => {
      throw new Error(`Nothing can listen at ${host}:${port}`);
    });
    const [output] = (await Promise.race([once(child.stdout, 'data'), failed])) as [Buffer];
    failed.catch(() => undefined);
    const listening = Number(output.toString());
    // Fills the kernel's queue: with a backlog of one it holds two connections.
    const accepted = [1, 2].map(() => connect(listening, host));
    for (const socket of accepted) socket.on('error', () => undefined);
    await Promise.all(accepted.map((socket) => once(socket, 'connect')));
    return new DeadPort(listening, child, accepted);
  }

  async stop(): Promise<void> {
    for (const socket of this.#accepted) socket.destroy();
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }
}
