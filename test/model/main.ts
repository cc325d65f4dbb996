/**
 * Runs in the simulator's image: the simulated model, or with the argument `traffic` a traffic
 * generator. Listens on PORT, 8080 when it is not set.
 */
import { TrafficServer } from '../kit/traffic-server.ts';
import { startModel } from './model.ts';

const port = Number(process.env.PORT ?? 8080);

async function start(): Promise<() => Promise<void> | void> {
  if (process.argv[2] === 'traffic') {
    const server = new TrafficServer();
    await server.listen(port);
    return () => server.close();
  }
  const model = await startModel({ port, host: '0.0.0.0' });
  return () => model.stop();
}

const stop = await start();
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void Promise.resolve(stop()).then(() => process.exit(0)));
}
