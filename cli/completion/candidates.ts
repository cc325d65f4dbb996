import { parseArgs } from 'node:util';
import { openCluster } from '../cluster/cluster.ts';
import { observe } from '../cluster/observe.ts';
import type { Command, Context, Subject } from '../terminal/command.ts';
import type { World } from '../view/world.ts';
import { SHELLS } from './scripts.ts';

/** Hidden command that the scripts of the shells call with the words of the line. It completes the last word. */
export const COMPLETE = '__complete';

/** Timeout in milliseconds. A shell waits for the result. */
const PATIENCE_MS = 3000;

/** Completions of the last word. Returns none instead of an error: a shell shows no errors. */
export async function candidates(
  words: readonly string[],
  commands: Readonly<Record<string, Command>>,
  context: Context,
): Promise<string[]> {
  const word = words.at(-1) ?? '';
  const [name = ''] = words;
  const command = words.length > 1 && Object.hasOwn(commands, name) ? commands[name] : undefined;
  const all = command === undefined ? Object.keys(commands) : await within(command, words, context);
  return all.filter((text) => text.startsWith(word)).sort();
}

async function within(
  { options, subject }: Command,
  words: readonly string[],
  context: Context,
): Promise<string[]> {
  if (words.at(-1)!.startsWith('-')) return Object.keys(options).map((option) => `--${option}`);
  if (subject === undefined) return [];
  if (subject === 'shell') return [...SHELLS];
  try {
    const { values } = parseArgs({
      args: words.slice(1),
      options,
      strict: false,
      allowPositionals: true,
    });
    const cluster = await openCluster({ values: values, positionals: [], context });
    const late = AbortSignal.timeout(PATIENCE_MS);
    const world = await Promise.race([
      observe(cluster),
      new Promise<never>((_, reject) => late.addEventListener('abort', () => reject(new Error()))),
    ]).finally(() => cluster.close());
    return namesOf(subject, world);
  } catch {
    return [];
  }
}

export function namesOf(subject: Subject, { agents, breakers, limits, pods }: World): string[] {
  const names = (objects: readonly { metadata: { name: string } }[], prefix = ''): string[] =>
    objects.map(({ metadata }) => `${prefix}${metadata.name}`);
  const all: Record<Subject, () => string[]> = {
    agent: () => names(agents),
    breaker: () => names(breakers),
    limit: () => names(limits),
    pod: () => names(pods),
    object: () => [...names(agents), ...names(breakers, 'cbp/'), ...names(limits, 'arlp/')],
    shell: () => [...SHELLS],
  };
  return all[subject]();
}
