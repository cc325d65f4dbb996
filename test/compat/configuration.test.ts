import { beforeAll, describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Configuration } from '../../contract/generated/types.ts';
import { parseConfiguration } from '../../contract/validate.ts';
import { upgradeConfiguration } from '../../runtime/control/upgrade.ts';
import { pinnedCheckout } from './pinnedVersion.ts';

/** Paths of the ConfigMaps in a directory of golden files. */
function configMaps(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('configMap.golden.yaml'))
    .map((name) => join(directory, name));
}

function configurationIn(path: string): Configuration {
  const { data } = parse(readFileSync(path, 'utf8')) as { data: Record<string, string> };
  return JSON.parse(data['configuration.json']!) as Configuration;
}

/** The fields that all the elements have. */
function common(elements: readonly object[]): Set<string> {
  const [first = {}, ...rest] = elements;
  return new Set(Object.keys(first).filter((field) => rest.every((other) => field in other)));
}

function partsOf(all: readonly Configuration[]): Record<string, object[]> {
  const contents = all.map(({ content }) => content);
  return {
    endpoints: contents.flatMap(({ endpoints }) => endpoints),
    timeouts: contents.map(({ timeouts }) => timeouts),
    shutdown: contents.map(({ shutdown }) => shutdown),
    retry: contents.flatMap(({ retry }) => retry ?? []),
    telemetry: contents.map(({ telemetry }) => telemetry),
    circuits: contents.flatMap(({ circuits }) => circuits),
    limits: contents.flatMap(({ limits }) => limits),
  };
}

describe('a configuration of the pinned operator', () => {
  let upgraded: Configuration[];

  beforeAll(async () => {
    const root = await pinnedCheckout();
    upgraded = configMaps(join(root, 'operator/desired/testdata')).map((path) => {
      const parsed = parseConfiguration(upgradeConfiguration(configurationIn(path)));
      if (!parsed.ok) throw new Error(`${path}: ${parsed.message}`);
      return parsed.value;
    });
  }, 120_000);

  it('has, after its upgrade, every field that this operator always sends and that version knew', () => {
    expect(upgraded.length).toBeGreaterThan(0);
    const own = configMaps(join(import.meta.dirname, '../../operator/desired/testdata'));
    const expected = partsOf(own.map(configurationIn));
    for (const [part, elements] of Object.entries(partsOf(upgraded))) {
      const known = common(elements);
      const missing = [...common(expected[part]!)].filter((field) => !known.has(field));
      expect([part, missing]).toEqual([part, []]);
    }
  });
});
