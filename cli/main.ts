import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import packageJson from '../package.json' with { type: 'json' };
import { parseCommand, USAGE, type Command } from './arguments.ts';
import { Local } from './local/local.ts';
import { Screen } from './local/screen.ts';
import { readManifests } from './manifests/files.ts';
import { Inventory } from './manifests/inventory.ts';
import { checks } from './manifests/kinds.ts';
import { render } from './render.ts';

/** In a checkout the programs are modules, in the package each is one file beside this one. */
const SOURCE = import.meta.filename.endsWith('.ts');

const PROGRAMS = {
  runtime: join(import.meta.dirname, SOURCE ? 'local/runtimeChild.ts' : 'runtime.js'),
  simulator: join(import.meta.dirname, SOURCE ? 'simulator/child.ts' : 'simulator.js'),
};

/** Exit status of a program that was stopped by Ctrl-C. */
const INTERRUPTED = 130;

async function runLocal(command: Extract<Command, { name: 'local' }>): Promise<void> {
  const { path, simulate, port } = command;
  const screen = new Screen(process.stdout);
  const local = new Local({
    path,
    simulate,
    port,
    programs: PROGRAMS,
    environment: process.env,
    directory: await mkdtemp(join(tmpdir(), 'breakwater-')),
    screen,
    date: () => new Date(),
  });
  let asked = false;
  const leave = (): void => {
    if (asked) {
      void local.stop(true).then(() => process.exit(INTERRUPTED));
      return;
    }
    asked = true;
    screen.line('Waiting for open requests to finish; press Ctrl-C again to end at once.');
    void local.stop().then(() => process.exit(0));
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, leave);
  try {
    await local.start();
  } catch (error) {
    await local.stop(true);
    throw error;
  }
}

async function runRender(command: Extract<Command, { name: 'render' }>): Promise<void> {
  const inventory = new Inventory(checks(), () => new Date());
  const { faults } = inventory.load(await readManifests(command.path));
  const { yaml, problems } = render(inventory.objects(), command.image);
  process.stdout.write(yaml);
  const wrong = [
    ...faults.map(({ file, line, message }) => `${file}:${line}: ${message}`),
    ...problems,
  ];
  for (const text of wrong) process.stderr.write(`${text}\n`);
  if (wrong.length > 0) process.exitCode = 1;
}

async function run(command: Command): Promise<void> {
  if (command.name === 'local') await runLocal(command);
  else if (command.name === 'render') await runRender(command);
  else process.stdout.write(command.name === 'help' ? USAGE : `${packageJson.version}\n`);
}

try {
  await run(parseCommand(process.argv.slice(2)));
} catch (error) {
  process.stderr.write(`breakwater: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
