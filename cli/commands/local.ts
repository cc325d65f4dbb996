import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { parsePositiveDuration } from '../../operator/desired/common/duration.ts';
import type { Pod } from '../cluster/kube.ts';
import type { ChangesPage } from '../console/answers.ts';
import { readAssets } from '../console/assets.ts';
import { ConsoleServer } from '../console/server.ts';
import type { Source } from '../console/source.ts';
import type { AgentRun } from '../local/agentRun.ts';
import { Local } from '../local/local.ts';
import { PROGRAMS } from '../local/programs.ts';
import { runUntilSignal } from '../local/untilSignal.ts';
import type { Call, Command } from '../terminal/command.ts';
import { openInBrowser } from '../terminal/openInBrowser.ts';
import { Screen } from '../terminal/screen.ts';
import { linesOfRequest, type PodLine } from '../view/requestLog.ts';
import { podFigures, type PodAnswer } from '../view/top.ts';
import type { World } from '../view/world.ts';
import { changesBy } from './diff.ts';
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
    console: {
      type: 'boolean',
      default: false,
      help: 'open the console in a browser; its address is printed in any case',
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
  const directory = await mkdtemp(join(tmpdir(), 'breakwater-'));
  const path = values['filename'] as string;
  const agents: Local = new Local({
    path,
    simulate: values['simulate'] === true,
    port: portOf(values['port'] as string),
    programs: PROGRAMS,
    environment: context.environment,
    directory,
    quietMs: parsePositiveDuration(values['quiet-period'] as string, '--quiet-period'),
    screen,
    date: context.date,
    onSettled: () => {
      screen.line(`Watch it in a browser: ${url}`);
      if (values['console'] === true) void openInBrowser(url, directory);
    },
  });
  const server = new ConsoleServer(new LocalSource(agents, path, context.date), await readAssets());
  const url = await server.listen(0);
  try {
    return await runUntilSignal(agents, screen, context.environment['npm_command'] === 'exec');
  } finally {
    await server.close();
  }
}

/** The agents on this computer. */
class LocalSource implements Source {
  readonly #agents: Local;
  readonly #path: string;
  readonly #date: () => Date;

  constructor(agents: Local, path: string, date: () => Date) {
    this.#agents = agents;
    this.#path = path;
    this.#date = date;
  }

  world(): World {
    return this.#agents.world();
  }

  problem(): undefined {
    return undefined;
  }

  onChange(changed: () => void): () => void {
    return this.#agents.onChange(changed);
  }

  figures(pods: readonly Pod[], warn: (text: string) => void): Promise<PodAnswer[]> {
    return Promise.all(
      pods.map(async (pod): Promise<PodAnswer> => {
        const { name } = pod.metadata;
        try {
          const run = this.#runOf(pod);
          const pages = [run.page('debug', '/debug/figures'), run.page('metrics', '/metrics')];
          const [figures, metrics] = await Promise.all(pages);
          return { pod: name, ready: true, figures: podFigures(figures!, metrics) };
        } catch (error) {
          warn(`${name} does not answer: ${(error as Error).message}`);
          return { pod: name, ready: false };
        }
      }),
    );
  }

  async lines(pods: readonly Pod[], id: string): Promise<PodLine[]> {
    const all = await Promise.all(
      pods.map(async (pod) => {
        const text = await readFile(this.#runOf(pod).logPath, 'utf8');
        return text.split('\n').map((line) => ({ pod: pod.metadata.name, line }));
      }),
    );
    return linesOfRequest(all.flat(), id);
  }

  async changes(manifest: string): Promise<ChangesPage> {
    const { problems, effects } = await changesBy(new Map([['the manifest', manifest]]), {
      namespace: 'default',
      date: this.#date,
      replaces: true,
      there: () => Promise.resolve(this.#agents.objects()),
    });
    return { effects: [...problems, ...effects], path: this.#path };
  }

  #runOf({ metadata }: Pod): AgentRun {
    const run = this.#agents.agents.get(`${metadata.namespace}/${metadata.name}`);
    if (run === undefined) throw new Error('it has ended');
    return run;
  }
}
