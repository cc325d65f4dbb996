import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import packageJson from '../package.json' with { type: 'json' };
import { withImages } from './chart.ts';
import { krewManifest, writeChecksums } from './checksums.ts';
import { notes } from './notes.ts';
import { PARTS } from './parts.ts';
import { platformOf, type Release } from './release.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): Promise<string> => readFile(join(ROOT, path), 'utf8');

const RELEASE: Release = {
  version: packageJson.version,
  repository: 'Acme/breakwater',
  root: ROOT,
  directory: '',
  say: () => undefined,
};

describe('a release', () => {
  it('has one version everywhere', async () => {
    const { version } = packageJson;
    const chart = parse(await read('charts/breakwater/Chart.yaml')) as Record<string, string>;
    const krew = parse(await read('config/krew/breakwater.yaml')) as { spec: { version: string } };
    expect([chart['version'], chart['appVersion']]).toEqual([version, version]);
    expect(krew.spec.version).toBe(`v${version}`);
    expect(await read('config/install.yaml')).toContain(`localhost/breakwater/operator:${version}`);
  });

  it('has the same parts in the workflow and in the dry run', async () => {
    const workflow = await read('.github/workflows/release.yaml');
    const made = [...workflow.matchAll(/release\/main\.ts ([a-z ]+)$/gm)].flatMap(([, parts]) =>
      parts!.split(' '),
    );
    // The workflow pushes images, with provenance, in place of archiving them.
    expect(made.sort()).toEqual(PARTS.filter((part) => part !== 'images').sort());
    expect(workflow).toContain('platforms: linux/amd64,linux/arm64');
  });

  it('names its own images in chart and install.yaml', async () => {
    for (const file of ['config/install.yaml', 'charts/breakwater/templates/_helpers.tpl']) {
      const text = withImages(await read(file), RELEASE);
      expect(text).toContain('ghcr.io/acme/breakwater/operator:');
      expect(text).not.toContain('localhost/');
    }
  });

  it('has checksums that sha256sum reads', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'release-'));
    try {
      await writeFile(join(directory, 'b.txt'), 'abc');
      await writeFile(join(directory, 'a.txt'), '');
      await writeChecksums({ ...RELEASE, directory });
      expect(await readFile(join(directory, 'SHA256SUMS'), 'utf8')).toBe(
        'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.txt\n' +
          'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  b.txt\n',
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('names to krew the platforms with archives', async () => {
    const sums = new Map([['kubectl-breakwater-linux-arm64.tar.gz', 'a'.repeat(64)]]);
    const manifest = krewManifest(await read('config/krew/breakwater.yaml'), sums, RELEASE);
    const at = `https://github.com/Acme/breakwater/releases/download/v${packageJson.version}`;
    expect(parse(manifest)).toMatchObject({
      spec: {
        version: `v${packageJson.version}`,
        platforms: [
          {
            selector: { matchLabels: { os: 'linux', arch: 'arm64' } },
            uri: `${at}/kubectl-breakwater-linux-arm64.tar.gz`,
            sha256: 'a'.repeat(64),
            bin: 'kubectl-breakwater',
          },
        ],
      },
    });
    expect(platformOf('darwin', 'x64')).toEqual({ os: 'darwin', arch: 'amd64' });
  });
});

describe('notes of a release', () => {
  const changelog = '# Changes\n\n## Unreleased\n\n- New.\n\n## 0.1.0\n\nThe first.\n';

  it('contain the changelog and the commits', () => {
    expect(notes('0.2.0', changelog, ['Do this', 'Do that'])).toBe(
      '- New.\n\n<details><summary>2 commits</summary>\n\n- Do this\n- Do that\n\n</details>\n',
    );
    expect(notes('0.1.0', changelog, [])).toMatch(/^The first\.\n/);
  });

  it('are refused while the changelog is empty', () => {
    expect(() => notes('0.2.0', '# Changes\n\n## Unreleased\n\n## 0.1.0\n', [])).toThrow(
      'CHANGELOG.md has no section 0.2.0, and nothing under Unreleased',
    );
  });
});
