import { readFileSync, statSync } from 'node:fs';

/** A mounted file. Reads it again only if it has changed. */
export class PemFile {
  readonly #path: string;
  #version = '';
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The current text; undefined without a file. */
  read(): string | undefined {
    const version = versionOf(this.#path);
    if (version === this.#version) return this.#text;
    this.#version = version;
    this.#text = textOf(this.#path);
    return this.#text;
  }
}

function versionOf(path: string): string {
  try {
    const { ino, mtimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${size}`;
  } catch {
    return 'absent';
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
