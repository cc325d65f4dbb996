import { describe, expect, it } from '@jest/globals';
import {
  complaint,
  cycleThrough,
  folderGraph,
  importGraph,
  layerOf,
  unusedImports,
} from './importRules.ts';
import { LAYERS } from './layers.ts';
import { draw } from './diagram.ts';

describe('the table of layers', () => {
  it('lists each layer after the layers that it imports', () => {
    const seen = new Set<string>();
    for (const { folder, imports } of LAYERS) {
      expect(imports.filter((other) => !seen.has(other))).toEqual([]);
      seen.add(folder);
    }
  });

  it('allows no import that no file has', () => {
    expect(unusedImports(LAYERS, importGraph())).toEqual([]);
    const files = new Map([['runtime/guard/guard.ts', new Set(['runtime/errors/failure.ts'])]]);
    const guard = { folder: 'runtime/guard', purpose: '' };
    const imports = ['runtime/errors', 'runtime/api'];
    expect(unusedImports([{ ...guard, imports }], files)).toEqual(['runtime/guard → runtime/api']);
  });

  it('lets operator/kube import nothing of Breakwater, so that it can become a package', () => {
    expect(LAYERS.find(({ folder }) => folder === 'operator/kube')?.imports).toEqual([]);
    expect(complaint('operator/kube/types.ts', '../../crds/meta.ts')).toContain('must not import');
  });

  it('gives a file to the layer with the longest path', () => {
    expect(layerOf('runtime/model/pool/pool.ts')?.folder).toBe('runtime/model/pool');
    expect(layerOf('runtime/model/caller.ts')?.folder).toBe('runtime/model');
    expect(layerOf('test/kit/wait.ts')).toBeUndefined();
  });
});

describe('layers/imports', () => {
  it.each([
    ['runtime/guard/guard.ts', '../resilience/breaker.ts'],
    ['runtime/guard/guard.ts', './permit.ts'],
    ['runtime/guard/tests/guard.test.ts', '../../testing/fakeClock.ts'],
    ['operator/kube/client.ts', '@kubernetes/client-node'],
    ['operator/links/dial.ts', 'node:net'],
  ])('allows %s to import %s', (file, specifier) => {
    expect(complaint(file, specifier)).toBeUndefined();
  });

  it.each([
    ['runtime/resilience/breaker.ts', '../guard/guard.ts', 'must not import runtime/guard'],
    ['runtime/resilience/breaker.ts', 'lru-cache', 'uses no package'],
    ['runtime/guard/guard.ts', '../testing/fakeClock.ts', 'is for tests only'],
    ['runtime/api/server.ts', '../../operator/settings.ts', 'must not import operator'],
    ['operator/desired/plan.ts', 'node:fs', 'does no input or output'],
    ['operator/links/dial.ts', '@kubernetes/client-node', 'only operator/kube'],
  ])('refuses that %s imports %s', (file, specifier, message) => {
    expect(complaint(file, specifier)).toContain(message);
  });
});

describe('layers/cycles', () => {
  const files = new Map([
    ['a/one.ts', new Set(['a/two.ts', 'b/one.ts'])],
    ['a/two.ts', new Set(['a/one.ts'])],
    ['b/one.ts', new Set<string>()],
    ['b/two.ts', new Set(['a/two.ts'])],
  ]);

  it('finds a path of imports back to a file', () => {
    expect(cycleThrough(files, 'a/one.ts', 'a/two.ts')).toEqual([
      'a/one.ts',
      'a/two.ts',
      'a/one.ts',
    ]);
    expect(cycleThrough(files, 'a/one.ts', 'b/one.ts')).toBeUndefined();
  });

  it('finds folders that import each other by different files', () => {
    expect(cycleThrough(folderGraph(files), 'a', 'b')).toEqual(['a', 'b', 'a']);
  });
});

it('the diagram draws each layer and only direct arrows', () => {
  const page = draw('before\n<!-- layers of runtime -->\nold\n<!-- end -->\nafter');
  expect(page).toContain('runtime_guard["<b>runtime/guard</b>');
  expect(page).toContain('runtime_guard --> runtime_resilience');
  expect(page).not.toContain('runtime_api --> runtime_resilience');
  expect(page).not.toContain('old');
  expect(page).toMatch(/^before\n[^]*\nafter$/);
});
