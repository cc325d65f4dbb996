import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { isSea } from 'node:sea';
import { EXIT, type Call, type Command } from '../terminal/command.ts';

/** In a checkout the SDK for TypeScript is compiled first. In the package all of it is beside the bundle with this module. */
const SOURCE = import.meta.filename.endsWith('.ts');
const ROOT = SOURCE ? join(import.meta.dirname, '../..') : import.meta.dirname;

const COMPILED = join(ROOT, SOURCE ? 'dist/sdk/typescript' : 'sdk/typescript');

/** For editors; Node.js runs the files as they are. */
const TSCONFIG = {
  compilerOptions: {
    ...{ module: 'nodenext', target: 'es2024', strict: true, noEmit: true, skipLibCheck: true },
    ...{ allowImportingTsExtensions: true, erasableSyntaxOnly: true },
  },
};

const NEXT: Readonly<Record<string, readonly string[]>> = {
  typescript: ['npm install', 'npm test'],
  python: [
    'python3 -m venv .venv && . .venv/bin/activate && pip install -r requirements.txt',
    'python -m unittest',
  ],
};

export const init: Command = {
  summary: 'write a small, tested program of an agent into the new folder DIRECTORY',
  positional: 'DIRECTORY',
  options: {
    language: {
      type: 'string',
      default: 'typescript',
      value: 'LANGUAGE',
      choices: Object.keys(NEXT),
      help: 'its language: typescript or python (typescript)',
    },
  },
  run: write,
};

async function write({ values, positionals, context }: Call): Promise<number> {
  if (isSea()) {
    throw new Error('this executable holds no SDK; run `npx breakwater init` in a checkout');
  }
  const [directory = ''] = positionals;
  const language = values['language'] as string;
  if ((await readdir(directory).catch(() => [])).length > 0) {
    throw new Error(`${directory} is not empty; name a new folder`);
  }
  await mkdir(directory, { recursive: true });
  // The package itself may lie in a folder node_modules.
  const filter = (path: string): boolean =>
    !/node_modules|__pycache__/.test(path.slice(ROOT.length));
  await cp(join(ROOT, 'examples', language), directory, { recursive: true, filter });
  if (language === 'typescript') await addTypeScript(directory);
  else {
    const vendor = join(directory, 'vendor/breakwater_agent');
    await cp(join(ROOT, 'sdk/python'), vendor, { recursive: true, filter });
  }
  const commands = [`cd ${directory}`, ...NEXT[language]!].map((line) => `  ${line}\n`).join('');
  context.stdout.write(
    `Wrote ${directory}: a program with one tool, its test, a Dockerfile and a manifest. Next:\n${commands}` +
      `${join(directory, 'README.md')} says how to run it on a cluster.\n`,
  );
  return EXIT.fine;
}

async function addTypeScript(directory: string): Promise<void> {
  if (SOURCE) compile();
  await cp(COMPILED, join(directory, 'vendor/agent'), { recursive: true });
  await writeFile(join(directory, 'tsconfig.json'), `${JSON.stringify(TSCONFIG, undefined, 2)}\n`);
}

/** Compiles the SDK for TypeScript into dist, as `npm run` of a release does. */
function compile(): void {
  const script = join(ROOT, 'sdk/compile.js');
  const { status } = spawnSync(process.execPath, [script], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) throw new Error('the SDK for TypeScript could not be compiled; see above');
}
