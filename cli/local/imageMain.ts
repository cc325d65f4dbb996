/**
 * Main module of the runtime's image. In a pod of an operator, and as a child of runAlone, it is the runtime. Started
 * alone, as by `docker run`, it runs the agents of mounted manifests, or one agent with the defaults.
 */
import process from 'node:process';

const { env, connected } = process;

if (connected) await import('./runtimeChild.ts');
else if (env['POD_UID'] || env['BREAKWATER_CONFIGURATION_DIRECTORY']) {
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
