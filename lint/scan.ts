/** `make scan`: known faults of the packages that are passed on, as far as the registry tells, and licences. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unfitting, unverified, type Lock } from './supply.ts';

const ROOT = join(import.meta.dirname, '..');

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface Audit {
  metadata?: { vulnerabilities?: Record<string, number> };
}

/** How many of each severity; undefined when the registry does not tell. */
function knownFaults(): Record<string, number> | undefined {
  const args = ['audit', '--omit=dev', '--json'];
  let text: string;
  try {
    text = execFileSync('npm', args, {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch (error) {
    // It fails where there are any, too.
    text = (error as { stdout?: string }).stdout ?? '';
  }
  try {
    return (JSON.parse(text) as Audit).metadata?.vulnerabilities;
  } catch {
    return undefined;
  }
}

const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
const wrong = [
  ...unverified(lock).map((path) => `${path} has no integrity`),
  ...unfitting(lock).map((text) => `licence of ${text}`),
];
const faults = knownFaults();
if (faults === undefined) say('npm audit: THE REGISTRY DOES NOT TELL; nothing is known of faults');
else {
  const { high = 0, critical = 0, total = 0 } = faults;
  say(`npm audit: ${total} known faults, of these ${high} high and ${critical} critical`);
  if (high + critical > 0) wrong.push('packages with known faults; see npm audit --omit=dev');
}
for (const each of wrong) say(each);
say(`${Object.keys(lock.packages).length - 1} packages, ${wrong.length} complaints`);
process.exitCode = wrong.length > 0 ? 1 : 0;
