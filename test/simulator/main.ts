/**
 * Runs in the simulator's image: the simulated model, or with the argument `traffic` a traffic
 * generator, with `tools` a service with tools, with `traces` a collector of traces. Beside a runtime it is a program. Listens on PORT,
 * 8080 when it is not set. With `kill ID` it kills the container ID
 * instead, prints when (milliseconds since 1970) and ends.
 */
import { ToolServer } from '../kit/toolServer.ts';
import { TraceServer } from '../kit/traceServer.ts';
import { runUserProgram } from '../kit/userProgram.ts';
import { TrafficServer } from '../kit/trafficServer.ts';
import { killByContainer } from './kill.ts';
import { startModel } from '../../cli/simulator/model.ts';

const port = Number(process.env.PORT ?? 8080);

async function start(): Promise<() => Promise<void> | void> {
  if (process.argv[2] === 'traffic') {
    const server = new TrafficServer();
    await server.listen(port);
    return () => server.close();
  }
  if (process.argv[2] === 'tools') {
    const server = new ToolServer();
    await server.listen(port);
    return () => server.close();
  }
  if (process.argv[2] === 'traces') {
    const server = new TraceServer();
    await server.listen(port);
    return () => server.close();
  }
  const model = await startModel({ port, host: '0.0.0.0' });
  return () => model.stop();
}

async function serve(): Promise<void> {
  const stop = await start();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void Promise.resolve(stop()).then(() => process.exit(0)));
  }
}

if (process.argv[2] === 'kill') {
  const killed = await killByContainer(process.argv[3] ?? '');
  process.exitCode = killed === 0 ? 1 : 0;
  process.stdout.write(`${Date.now()}\n`);
} else if (process.env.BREAKWATER_URL !== undefined) {
  await runUserProgram();
} else {
  await serve();
}
