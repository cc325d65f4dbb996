import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, which } from '../test/cluster/common/command.ts';
import { helmBinaries } from '../test/cluster/local/binaries.ts';
import { inDirectory, registryOf, type Release } from './release.ts';

/** Where the chart and install.yaml look for images until a release names a registry. */
const UNRELEASED = 'localhost/breakwater/';

/** Files of the chart that name images. */
const NAMING = ['templates/_helpers.tpl', 'values.yaml', 'README.md'];

/** The text with the images of the release. */
export function withImages(text: string, release: Release): string {
  return text.replaceAll(UNRELEASED, `${registryOf(release)}/`);
}

/** Packages the chart with the images of the release as its defaults. */
export async function packageChart(release: Release): Promise<void> {
  const { root, directory, version } = release;
  const helm = which('helm') ?? join(await helmBinaries(), 'helm');
  await inDirectory(async (work) => {
    const chart = join(work, 'breakwater');
    await cp(join(root, 'charts/breakwater'), chart, { recursive: true });
    for (const file of NAMING) {
      const path = join(chart, file);
      await writeFile(path, withImages(await readFile(path, 'utf8'), release));
    }
    const versions = ['--version', version, '--app-version', version];
    await run(helm, ['package', chart, '--destination', directory, ...versions]);
  });
}

/** Everything in one file, with the images of the release. */
export async function writeInstall(release: Release): Promise<void> {
  const text = await readFile(join(release.root, 'config/install.yaml'), 'utf8');
  await writeFile(join(release.directory, 'install.yaml'), withImages(text, release));
}
