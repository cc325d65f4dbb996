import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Opens a file with its usual program, by platform. */
const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/**
 * Opens the address in the user's browser, if there is one. A page in `directory`, which only its owner can read, leads
 * there: other users see the arguments of programs, and the address holds a token.
 */
export async function openInBrowser(url: string, directory: string): Promise<void> {
  const page = join(directory, 'console.html');
  const html = `<!doctype html><meta http-equiv="refresh" content="0; url=${url}">\n`;
  await writeFile(page, html, { mode: 0o600 });
  const opener = OPENERS[process.platform] ?? 'xdg-open';
  const child = spawn(opener, [page], { stdio: 'ignore', detached: true });
  // Without a browser the user opens the address that was printed.
  child.on('error', () => undefined).unref();
}
