import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { readManifests } from '../manifests/files.ts';
import { Inventory } from '../manifests/inventory.ts';
import { checks } from '../manifests/kinds.ts';
import { render } from './render.ts';

const SAMPLES = join(import.meta.dirname, '../../config/samples');

interface Rendered {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
}

describe('render', () => {
  it('prints the objects of the samples, with the policies in the configuration', async () => {
    const inventory = new Inventory(checks(), () => new Date(0));
    expect(inventory.load(await readManifests(SAMPLES)).faults).toEqual([]);
    const { yaml, problems } = render(inventory.objects(), 'example.com/runtime:1');
    const objects = parseAllDocuments(yaml).map((document) => document.toJS() as Rendered);
    const kinds = objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`);
    expect(kinds).toEqual(
      expect.arrayContaining([
        'ConfigMap triage-configuration',
        'Deployment triage',
        'Service triage',
        'ServiceAccount triage',
      ]),
    );
    expect(yaml).toContain('image: example.com/runtime:1');
    const { data } = objects.find(({ kind }) => kind === 'ConfigMap')!;
    expect(JSON.parse(data!['configuration.json']!)).toMatchObject({
      content: { circuits: [{ dependency: 'model/primary', policy: 'triage' }] },
    });
    expect(problems).toEqual([]);
  });
});
