import { readFileSync, statSync } from 'node:fs';

/** A mounted file. Reads it again only if it has changed. */
export class MountedFile {
  readonly #path: string;
  #version = '';
  #text: string | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** The current text; undefined without a file. */
  read(): string | undefined {
    const version = fileVersion(this.#path);
    if (version === this.#version) return this.#text;
    this.#version = version;
    this.#text = textOf(this.#path);
    return this.#text;
  }
}

/** Distinguishes versions of a file, without reading it. */
export function fileVersion(path: string): string {
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
