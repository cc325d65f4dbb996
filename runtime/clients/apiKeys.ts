import { hash, randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Interval between two reads of the directory, in milliseconds. */
const CHECK_MS = 1000;

/**
 * API keys of clients from a mounted Secret: one file for each client, one key a line. Reads the directory at most
 * once a second, so changes take effect without a restart.
 */
export class ApiKeys {
  readonly #now: () => number;
  #directory = '';
  #checkedAt = -Infinity;
  #version = '';
  /** Names of clients by the hashes of their keys. */
  #known: ReadonlyMap<string, string> = new Map();
  /** Keeps hashes unknown to clients, so that the time of a look-up tells nothing of any key. */
  readonly #salt = randomBytes(32).toString('hex');

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the Secret has no key, so that every client would be refused. */
  empty(directory: string): boolean {
    this.#look(directory);
    return this.#known.size === 0;
  }

  /** Name of the client with this key. Takes the same time for every key, however many there are. */
  clientOf(directory: string, key: string): string | undefined {
    this.#look(directory);
    return this.#known.get(this.#hashOf(key));
  }

  #hashOf(key: string): string {
    return hash('sha256', this.#salt + key, 'base64');
  }

  #look(directory: string): void {
    const now = this.#now();
    if (directory === this.#directory && now - this.#checkedAt < CHECK_MS) return;
    this.#directory = directory;
    this.#checkedAt = now;
    const version = `${directory}\n${versionOf(directory)}`;
    if (version === this.#version) return;
    this.#version = version;
    this.#known = new Map(
      namesIn(directory).flatMap((name) =>
        keysIn(join(directory, name)).map((key): [string, string] => [this.#hashOf(key), name]),
      ),
    );
  }
}

/** The kubelet's own entries begin with two dots. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith('..'));
  } catch {
    return [];
  }
}

/** Changes with the keys. The kubelet replaces its link `..data` with all files at once. */
function versionOf(directory: string): string {
  const whole = versionOfFile(directory, '..data');
  return whole === '..data'
    ? namesIn(directory)
        .map((name) => versionOfFile(directory, name))
        .join('\n')
    : whole;
}

function versionOfFile(directory: string, name: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(join(directory, name));
    return `${name} ${ino} ${mtimeMs} ${size}`;
  } catch {
    return name;
  }
}

function keysIn(path: string): string[] {
  try {
    const lines = readFileSync(path, 'utf8').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '');
  } catch {
    return [];
  }
}
