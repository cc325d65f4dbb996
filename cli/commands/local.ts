import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { parsePositiveDuration } from '../../operator/desired/common/duration.ts';
import type { Call, Command } from '../terminal/command.ts';
import { Local } from '../local/local.ts';
import { PROGRAMS } from '../local/programs.ts';
import { runUntilSignal } from '../local/untilSignal.ts';
import { Screen } from '../terminal/screen.ts';
import { FILENAME } from './filename.ts';
import { portOf } from './port.ts';

export const local: Command = {
  summary: 'run the agents of the manifests at PATH on this computer, with no cluster',
  options: {
    ...FILENAME,
    simulate: {
      type: 'boolean',
      default: false,
      help: 'simulated models in place of all endpoints, so that no key is needed',
    },
    port: {
      type: 'string',
      default: '8080',
      value: 'PORT',
      help: 'port of the first agent; others take the next that are free (8080)',
    },
    'quiet-period': {
      type: 'string',
      default: '100ms',
      value: 'DURATION',
      help: 'a change counts when its file was not written for so long (100ms)',
    },
  },
  required: ['filename'],
  run: runLocal,
};

/** Handles signals itself: the second one ends the process at once. */
async function runLocal({ values, context }: Call): Promise<number> {
  if (isSea()) {
    const instead = 'run `npx breakwater local` in a checkout, or the image of the runtime';
    throw new Error(`this executable holds no runtime of agents; ${instead}`);
  }
  const screen = new Screen(context.stdout);
  const agents = new Local({
    path: values['filename'] as string,
    simulate: values['simulate'] === true,
    port: portOf(values['port'] as string),
    programs: PROGRAMS,
    environment: context.environment,
    directory: await mkdtemp(join(tmpdir(), 'breakwater-')),
    quietMs: parsePositiveDuration(values['quiet-period'] as string, '--quiet-period'),
    screen,
    date: context.date,
  });
  return runUntilSignal(agents, screen, context.environment['npm_command'] === 'exec');
}
