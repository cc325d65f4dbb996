import { join } from 'node:path';
import { binaries, type Module } from '../cluster/local/binaries.ts';
import { moduleFiles } from '../cluster/local/moduleFiles.ts';

const VERSION = '3.1.8';
const DIRECTORY = join(import.meta.dirname, 'argocd');
const MODULE = 'github.com/argoproj/argo-cd/v3';

const ARGO_CD: Module = {
  title: `Building Argo CD ${VERSION} and kustomize from their Go modules (first time only, about 5 minutes)`,
  directory: DIRECTORY,
  packages: ['.', 'sigs.k8s.io/kustomize/kustomize/v5'],
  ldflags: `-X ${MODULE}/common.version=${VERSION}`,
};

/** Directory with argocd, all of Argo CD that the tests need in one program, and the kustomize that its repo server calls. */
export function argoCdBinaries(): Promise<string> {
  return binaries(ARGO_CD);
}

/** Paths of Argo CD's own definitions. */
export function argoCdDefinitions(): Promise<string[]> {
  return moduleFiles({
    title: "Downloading Argo CD's CRDs (first time only)",
    name: 'argo-cd',
    directory: DIRECTORY,
    module: MODULE,
    files: ['application', 'applicationset', 'appproject'].map(
      (kind) => `manifests/crds/${kind}-crd.yaml`,
    ),
  });
}
