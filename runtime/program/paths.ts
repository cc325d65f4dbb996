/** Largest number of encodings on top of each other that are undone. */
const MAX_DECODED = 4;

/**
 * Whether a path is one of these or below it. Only the plain reading of it counts: what opens a path to clients must not
 * guess.
 */
export function isWithin(path: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => {
    const folder = prefix.replace(/\/+$/, '');
    return path === folder || path.startsWith(`${folder}/`);
  });
}

/** Whether any server could read a path as `closed` or as a path below it. */
export function mayMean(path: string, closed: string): boolean {
  return isWithin(canonical(path), [canonical(closed)]);
}

/** The path as the most lenient server reads it. */
function canonical(path: string): string {
  let text = path;
  for (let i = 0; i < MAX_DECODED && text.includes('%'); i += 1) text = decoded(text);
  const segments: string[] = [];
  for (const segment of text.toLowerCase().split(/[/\\]/)) {
    const [name = ''] = segment.split(';', 1);
    if (name === '..') segments.pop();
    else if (name !== '' && name !== '.') segments.push(name);
  }
  return `/${segments.join('/')}`;
}

function decoded(text: string): string {
  return text.replaceAll(/(%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}
