import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from '../cluster/common/command.ts';

/** A git repository in a directory of its own, which Argo CD reads by its file URL. */
export class Repository {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async create(): Promise<Repository> {
    const repository = new Repository(await mkdtemp(join(tmpdir(), 'breakwater-git-')));
    await repository.#git('init', '--quiet', '--initial-branch', 'main');
    return repository;
  }

  get url(): string {
    return `file://${this.#directory}`;
  }

  read(path: string): Promise<string> {
    return readFile(join(this.#directory, path), 'utf8');
  }

  /** Commits files by path; undefined removes one. */
  async commit(message: string, files: Record<string, string | undefined>): Promise<string> {
    for (const [path, text] of Object.entries(files)) {
      const file = join(this.#directory, path);
      await mkdir(dirname(file), { recursive: true });
      await (text === undefined ? rm(file) : writeFile(file, text));
    }
    await this.#git('add', '--all');
    await this.#git('commit', '--quiet', '--message', message);
    return this.#head();
  }

  /** Rolls the last commit back by a new one. */
  async revert(): Promise<string> {
    await this.#git('revert', '--no-edit', 'HEAD');
    return this.#head();
  }

  async remove(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #head(): Promise<string> {
    return (await this.#git('rev-parse', 'HEAD')).trim();
  }

  #git(...args: string[]): Promise<string> {
    const env = {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_AUTHOR_NAME: 'platform',
      GIT_AUTHOR_EMAIL: 'platform@example.com',
      GIT_COMMITTER_NAME: 'platform',
      GIT_COMMITTER_EMAIL: 'platform@example.com',
    };
    return run('git', args, { cwd: this.#directory, env });
  }
}

/** The text of each file under directories of `root`, by its path from there. */
export async function filesUnder(
  root: string,
  ...directories: string[]
): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const directory of directories) {
    const entries = await readdir(join(root, directory), { recursive: true, withFileTypes: true });
    for (const entry of entries.filter((each) => each.isFile())) {
      const file = join(entry.parentPath, entry.name);
      found[relative(root, file)] = await readFile(file, 'utf8');
    }
  }
  return found;
}
