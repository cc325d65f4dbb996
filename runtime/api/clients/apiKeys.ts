import { createHash, timingSafeEqual } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

interface Known {
  name: string;
  hash: Buffer;
}

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
  #known: readonly Known[] = [];

  /** `now` is a monotonic clock in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the Secret has no key, so that every client would be refused. */
  empty(directory: string): boolean {
    this.#look(directory);
    return this.#known.length === 0;
  }

  /** Name of the client with this key. Takes the same time for every key. */
  clientOf(directory: string, key: string): string | undefined {
    this.#look(directory);
    const hash = hashOf(key);
    let name: string | undefined;
    for (const known of this.#known) if (timingSafeEqual(known.hash, hash)) name = known.name;
    return name;
  }

  #look(directory: string): void {
    const now = this.#now();
    if (directory === this.#directory && now - this.#checkedAt < CHECK_MS) return;
    this.#directory = directory;
    this.#checkedAt = now;
    const names = namesIn(directory);
    const version = [directory, ...names.map((name) => versionOf(directory, name))].join('\n');
    if (version === this.#version) return;
    this.#version = version;
    this.#known = names.flatMap((name) =>
      keysIn(join(directory, name)).map((key) => ({ name, hash: hashOf(key) })),
    );
  }
}

function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** The kubelet's own entries begin with two dots. */
function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => !name.startsWith('..'));
  } catch {
    return [];
  }
}

function versionOf(directory: string, name: string): string {
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
