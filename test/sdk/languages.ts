import { join } from 'node:path';
import { pythonEnvironment } from '../python/environment.ts';

/** A program of the suites, as a process. */
export interface Language {
  name: string;
  command: () => Promise<{ file: string; args: string[]; env: NodeJS.ProcessEnv }>;
}

const NODE = join(import.meta.dirname, '../../node_modules/.bin/node');

/** Both do the same: program.ts and program.py. */
export const LANGUAGES: Language[] = [
  {
    name: 'TypeScript',
    command: (): ReturnType<Language['command']> =>
      Promise.resolve({ file: NODE, args: [join(import.meta.dirname, 'program.ts')], env: {} }),
  },
  {
    name: 'Python',
    command: async (): ReturnType<Language['command']> => {
      const env = await pythonEnvironment();
      const sdk = join(import.meta.dirname, '../../sdk/python');
      const PYTHONPATH = `${sdk}:${env['PYTHONPATH']}`;
      const args = ['-B', join(import.meta.dirname, 'program.py')];
      return { file: 'python3', args, env: { ...env, PYTHONPATH } };
    },
  },
];
