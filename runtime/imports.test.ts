import { describe, expect, it } from '@jest/globals';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = import.meta.dirname;

/** Files that each file imports, types included. */
function imports(): Map<string, string[]> {
  const files = globSync('**/*.ts', { cwd: ROOT, exclude: ['**/*.test.ts'] });
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      const found = [...text.matchAll(/from '(\.[^']+)'/g)];
      const of = (path: string): string => relative(ROOT, join(ROOT, dirname(file), path));
      return [file, found.map(([, path]) => of(path!))];
    }),
  );
}

/** Files that lead back to themselves, each with the way. */
function circles(graph: ReadonlyMap<string, string[]>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const follow = (file: string, way: string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(' > '));
    if (at >= 0 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) follow(next, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) follow(file, []);
  return found;
}

/** Files and packages that the process loads before it serves: whatever `file` imports by value, and so on. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
  const text = readFileSync(join(ROOT, file), 'utf8');
  for (const [, from] of text.matchAll(/^(?:import(?! type)|export \{)[^;]*? from '([^']+)'/gm)) {
    const path = from!.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), from!)) : from!;
    if (seen.has(path)) continue;
    seen.add(path);
    if (from!.startsWith('.') && path.endsWith('.ts')) loadedWith(path, seen);
  }
  return seen;
}

describe('imports of the runtime', () => {
  it('load large packages only where the configuration needs them', () => {
    const loaded = [...loadedWith('main.ts')];
    expect(loaded).toContain('undici');
    expect(loaded).toContain('conversations/tools/mcpServer.ts');
    const large =
      /^(@(anthropic-ai|modelcontextprotocol|redis|secretlint|peculiar)\/|@opentelemetry\/(?!api$|core$)|re2js)/;
    expect(loaded.filter((path) => large.test(path))).toEqual([]);
  });

  it('never lead in a circle', () => {
    const graph = imports();
    expect(graph.get('guard/guard.ts')).toContain('guard/dependency.ts');
    expect(circles(graph)).toEqual([]);
  });

  it('that form a circle are noticed by this test', () => {
    expect(
      circles(
        new Map([
          ['a', ['b']],
          ['b', ['c', 'a']],
          ['c', []],
        ]),
      ),
    ).toEqual(['a > b > a']);
  });
});
