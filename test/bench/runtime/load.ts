/** The process with the load and the endpoint. It is pinned to one core and obeys its parent. */
import { startEndpoint } from './endpoint.ts';
import { requestBytes, Wire } from './wire.ts';

export interface Target {
  port: number;
  path: string;
  headers: Record<string, string>;
  body: string;
}

export type Job = { target: Target } & (
  | { kind: 'OneByOne'; count: number; seconds: number }
  | { kind: 'Rate'; perSecond: number; seconds: number }
  | { kind: 'Closed'; connections: number; seconds: number }
  | { kind: 'Paced'; streams: number }
  | { kind: 'Hold'; streams: number }
  | { kind: 'Release' }
);

/** Milliseconds of each request, or requests per second, by the kind of job. */
export interface Done {
  latencies?: number[];
  perSecond?: number;
  /** Answers other than 200 and requests that broke off. */
  failed: number;
}

/** Connections with open streams. */
let held: Wire[] = [];

async function timed(wire: Wire, request: Buffer, began = performance.now()): Promise<number> {
  const status = await wire.send(request);
  if (status !== 200) throw new Error(`status ${status}`);
  return performance.now() - began;
}

function bytesOf({ port, path, headers, body }: Target): Buffer {
  return requestBytes(port, path, headers, body);
}

/** Sends `count` requests, or as many as fit into the time. */
async function oneByOne(target: Target, count: number, seconds: number): Promise<Done> {
  const wire = await Wire.open(target.port);
  const request = bytesOf(target);
  const latencies: number[] = [];
  let failed = 0;
  const until = performance.now() + seconds * 1000;
  for (let i = 0; i < count && performance.now() < until; i += 1) {
    await timed(wire, request).then(
      (ms) => latencies.push(ms),
      () => (failed += 1),
    );
  }
  wire.close();
  return { latencies, failed };
}

/** Open loop: each request has a due time, whatever happens to earlier ones. Its wait counts. */
async function atRate(target: Target, perSecond: number, seconds: number): Promise<Done> {
  const request = bytesOf(target);
  const free = await Promise.all(Array.from({ length: 64 }, () => Wire.open(target.port)));
  const all = [...free];
  const waiting: number[] = [];
  const latencies: number[] = [];
  let failed = 0;
  const total = perSecond * seconds;
  const { promise, resolve } = Promise.withResolvers<void>();
  const use = (wire: Wire, due: number): void => {
    timed(wire, request, due).then(
      (ms) => {
        latencies.push(ms);
        done(wire);
      },
      () => {
        failed += 1;
        done(wire);
      },
    );
  };
  const done = (wire: Wire): void => {
    const next = waiting.shift();
    if (next !== undefined) use(wire, next);
    else free.push(wire);
    if (latencies.length + failed >= total) resolve();
  };
  const began = performance.now();
  let sent = 0;
  const tick = (): void => {
    const now = performance.now();
    while (sent < total && began + (sent * 1000) / perSecond <= now) {
      const due = began + (sent * 1000) / perSecond;
      const wire = free.pop();
      if (wire) use(wire, due);
      else waiting.push(due);
      sent += 1;
    }
    if (sent < total) setTimeout(tick, 1);
  };
  tick();
  await promise;
  for (const wire of all) wire.close();
  return { latencies, failed };
}

async function closedLoop(target: Target, connections: number, seconds: number): Promise<Done> {
  const request = bytesOf(target);
  const wires = await Promise.all(
    Array.from({ length: connections }, () => Wire.open(target.port)),
  );
  const began = performance.now();
  const until = began + seconds * 1000;
  let count = 0;
  let failed = 0;
  await Promise.all(
    wires.map(async (wire) => {
      while (performance.now() < until) {
        await timed(wire, request).then(
          () => (count += 1),
          () => (failed += 1),
        );
        if (failed > connections) return;
      }
    }),
  );
  const perSecond = (count * 1000) / (performance.now() - began);
  for (const wire of wires) wire.close();
  return { perSecond, failed };
}

/** Reads streams side by side to their ends. */
async function paced(target: Target, streams: number): Promise<Done> {
  const request = bytesOf(target);
  const wires = await Promise.all(Array.from({ length: streams }, () => Wire.open(target.port)));
  const ended = await Promise.allSettled(wires.map((wire) => timed(wire, request)));
  for (const wire of wires) wire.close();
  return { failed: ended.filter(({ status }) => status === 'rejected').length };
}

/** Opens streams and keeps them open. Resolves when all have begun. */
async function hold(target: Target, streams: number): Promise<Done> {
  const request = bytesOf(target);
  held = await Promise.all(Array.from({ length: streams }, () => Wire.open(target.port)));
  await Promise.all(
    held.map(
      (wire) =>
        new Promise<void>((resolve) => {
          wire.onHead = resolve;
          wire.send(request).catch(() => undefined);
        }),
    ),
  );
  return { failed: 0 };
}

function release(): Done {
  for (const wire of held) wire.close();
  held = [];
  return { failed: 0 };
}

async function run(job: Job): Promise<Done> {
  switch (job.kind) {
    case 'OneByOne':
      return oneByOne(job.target, job.count, job.seconds);
    case 'Rate':
      return atRate(job.target, job.perSecond, job.seconds);
    case 'Closed':
      return closedLoop(job.target, job.connections, job.seconds);
    case 'Paced':
      return paced(job.target, job.streams);
    case 'Hold':
      return hold(job.target, job.streams);
    case 'Release':
      return release();
  }
}

const { port } = await startEndpoint();
process.on('message', (job: Job) => {
  run(job).then(
    (done) => process.send!(done),
    (error: unknown) => process.send!({ failed: -1, error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
process.send!({ port });
