#!/usr/bin/env node
import { existsSync } from 'node:fs';
import process from 'node:process';
import { URL } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  process.stderr.write(`breakwater needs Node.js 22.19 or later; this is ${process.version}\n`);
  process.exit(2);
}
// A checkout has sources; the package has only the bundle.
const source = new URL('main.ts', import.meta.url);
await import(existsSync(source) ? source.href : new URL('main.js', import.meta.url).href);
