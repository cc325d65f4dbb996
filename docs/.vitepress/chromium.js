import { existsSync } from 'node:fs';
import process from 'node:process';
import { chromium } from 'playwright-core';

const PATHS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Starts the Chromium of the machine. */
export async function launch() {
  const executablePath = process.env.CHROMIUM ?? PATHS.find((path) => existsSync(path));
  if (executablePath === undefined)
    throw new Error(
      'No Chromium was found. Install it (Debian: apt-get install chromium), name it in CHROMIUM, or set DIAGRAMS=off to see the source of diagrams.',
    );
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
