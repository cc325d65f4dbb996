import { join } from 'node:path';
import { binaries, helmBinaries, type Module } from '../cluster/local/binaries.ts';

const HELM_4: Module = {
  title: 'Building Helm 4 (first time only, about 2 minutes)',
  directory: join(import.meta.dirname, 'helm4'),
  packages: ['helm.sh/helm/v4/cmd/helm'],
};

/** Builds a Helm from its Go module, unless the cache has it, and answers its directory. */
export type HelmBuild = () => Promise<string>;

/** The Helm of each major version that people have. */
const HELMS: Readonly<Record<string, HelmBuild>> = {
  3: helmBinaries,
  4: () => binaries(HELM_4),
};

/**
 * The Helm of the major version `wanted`; all of them without one.
 * @throws Error when there is no such Helm here
 */
export function chosenHelms(wanted: string | undefined): HelmBuild[] {
  if (!wanted) return Object.values(HELMS);
  const build = HELMS[wanted];
  if (build === undefined)
    throw new Error(`HELM=${wanted} is not known: use one of ${Object.keys(HELMS).join(', ')}`);
  return [build];
}
