/** Finds links between documents that lead nowhere: `node lint/links.ts`. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Relative links of a text in Markdown that lead to no file or to no heading, as FILE:LINE: LINK. */
export function deadLinks(
  file: string,
  text: string,
  exists: (path: string) => boolean,
  read: (path: string) => string,
): string[] {
  return links(text).flatMap(({ line, target }) => {
    const why = fault(file, target, exists, read);
    return why === undefined ? [] : [`${file}:${line}: ${target} ${why}`];
  });
}

function fault(
  file: string,
  target: string,
  exists: (path: string) => boolean,
  read: (path: string) => string,
): string | undefined {
  const [path = '', anchor] = target.split('#', 2);
  const to = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (!exists(to)) return 'leads to no file';
  if (anchor === undefined || !to.endsWith('.md')) return undefined;
  return anchors(read(to)).has(anchor) ? undefined : 'leads to no heading';
}

interface Link {
  line: number;
  target: string;
}

/** [text](target), ![text](target) and [name]: target, without those to other hosts. Code holds none. */
function links(text: string): Link[] {
  const inline = /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g;
  const definition = /^ {0,3}\[[^\]]+\]:\s+(\S+)/g;
  return prose(text).flatMap((line, index) =>
    [...line.matchAll(inline), ...line.matchAll(definition)]
      .map(([, target]) => ({ line: index + 1, target: target! }))
      .filter(({ target }) => !/^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target)),
  );
}

/** The lines of a text; those of code are empty, and so is code within a line. */
function prose(text: string): string[] {
  let fenced = false;
  return text.split('\n').map((line) => {
    const fence = /^ *(```|~~~)/.test(line);
    if (fence) fenced = !fenced;
    return fence || fenced ? '' : line.replaceAll(/(`+)(?:(?!\1).)+\1/g, '');
  });
}

/** The anchors of a text, as GitHub makes them of headings. */
function anchors(text: string): Set<string> {
  const found = new Set<string>();
  let fenced = false;
  for (const line of text.split('\n')) {
    if (/^ *(```|~~~)/.test(line)) fenced = !fenced;
    const [, heading] = fenced ? [] : (/^#{1,6}\s+(.*?)\s*#*$/.exec(line) ?? []);
    if (heading === undefined) continue;
    const anchor = anchorOf(heading);
    let unique = anchor;
    for (let count = 1; found.has(unique); count += 1) unique = `${anchor}-${count}`;
    found.add(unique);
  }
  for (const [, id] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) found.add(id!);
  return found;
}

/** The anchor of a heading, as GitHub makes it. */
export function anchorOf(heading: string): string {
  return heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/(^|\s)_([^_]+)_(?!\w)/g, '$1$2')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
    .replaceAll(' ', '-');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], {
    encoding: 'utf8',
  });
  const files = listed.split('\n').filter((file) => file !== '' && existsSync(file));
  const dead = files.flatMap((file) =>
    deadLinks(file, readFileSync(file, 'utf8'), existsSync, (path) => readFileSync(path, 'utf8')),
  );
  for (const line of dead) process.stderr.write(`${line}\n`);
  process.exitCode = dead.length > 0 ? 1 : 0;
}
