/** What is known of the packages in package-lock.json. */

export interface LockEntry {
  version?: string;
  license?: string;
  integrity?: string;
  optional?: boolean;
  dev?: boolean;
  os?: readonly string[];
  cpu?: readonly string[];
}

export interface Lock {
  packages: Record<string, LockEntry>;
}

/** Licences of SPDX that go with Apache-2.0, in programs that are passed on and in tools. */
const ALLOWED = new Set([
  ...['Apache-2.0', 'MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0'],
  ...['Unlicense', 'CC0-1.0', 'Python-2.0', 'PSF-2.0'],
]);

/** Of packages that are only data or tools here, and part of nothing that is passed on. */
const ALLOWED_FOR_TOOLS = new Set([...ALLOWED, 'CC-BY-4.0', 'Zlib', 'EPL-2.0', 'MPL-2.0']);

/** Licences that stand in a package's repository and not in its manifest. */
const ELSEWHERE = new Map([
  ['node_modules/khroma', 'MIT'],
  ['node_modules/@modelcontextprotocol/server-everything', 'MIT AND Apache-2.0'],
]);

/** Binaries for a platform on which neither the images nor CI run; npm takes them nowhere else. */
function isElsewhere({ optional, dev, os, cpu }: LockEntry): boolean {
  const here = os?.includes('linux') && cpu?.some((each) => each === 'x64' || each === 'arm64');
  return optional === true && dev === true && here !== true;
}

const entries = ({ packages }: Lock): [string, LockEntry][] =>
  Object.entries(packages).filter(([path]) => path !== '');

/** Packages of which not even the version says what they must be. */
export function unverified(lock: Lock): string[] {
  return entries(lock)
    .filter(([, entry]) => !/^sha512-/.test(entry.integrity ?? '') && !isElsewhere(entry))
    .map(([path]) => path);
}

/** Packages whose licence is none of those that fit, with that licence. */
export function unfitting(lock: Lock): string[] {
  return entries(lock)
    .filter(([path, entry]) => !isElsewhere(entry) && !fits(entry, ELSEWHERE.get(path)))
    .map(([path, { license }]) => `${path}: ${license ?? 'no licence'}`);
}

/** An expression of SPDX without nesting: all of those that AND joins, or any of those that OR joins. */
function fits({ license = '', dev }: LockEntry, stated = license): boolean {
  const allowed = dev === true ? ALLOWED_FOR_TOOLS : ALLOWED;
  const terms = stated.replace(/^\((.*)\)$/, '$1');
  return terms.split(' OR ').some((term) => term.split(' AND ').every((each) => allowed.has(each)));
}
