/**
 * Main module of the runtime's image. In a pod of an operator, and as a child of runAlone, it is the runtime. Started
 * alone, as by `docker run`, it runs the agents of mounted manifests, or one agent with the defaults.
 */
import process from 'node:process';
import { DRAIN_COMMAND, MOUNTS, PORTS } from '../../contract/link.ts';

const { env, connected } = process;

const DIRECTORY = env['BREAKWATER_CONFIGURATION_DIRECTORY'];

if (process.argv[2] === DRAIN_COMMAND.at(-1)) {
  const { startDrain } = await import('../../runtime/drain.ts');
  const port = Number(env['BREAKWATER_DEBUG_PORT'] ?? PORTS.debug);
  await startDrain(DIRECTORY ?? MOUNTS.configuration, port);
} else if (connected) await import('./runtimeChild.ts');
else if (env['POD_UID'] || DIRECTORY) {
  await import('../../runtime/main.ts');
} else {
  const { runAlone } = await import('./alone.ts');
  try {
    process.exitCode = await runAlone(process);
  } catch (error) {
    process.stderr.write(`breakwater: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
  }
}
