import { join } from 'node:path';
import { binaries, type Module } from '../cluster/local/binaries.ts';
import { moduleFiles } from '../cluster/local/moduleFiles.ts';

const VERSION = '2.21.0';
const DIRECTORY = join(import.meta.dirname, 'keda');
const MODULE = 'github.com/kedacore/keda/v2';

const KEDA: Module = {
  title: `Building KEDA ${VERSION} from its Go module (first time only, about 10 minutes)`,
  directory: DIRECTORY,
  packages: [`${MODULE}/cmd/operator`, `${MODULE}/cmd/adapter`],
  rename: { operator: 'keda-operator', adapter: 'keda-metrics-apiserver' },
  ldflags: `-X ${MODULE}/version.Version=${VERSION}`,
};

/** Directory with keda-operator and keda-metrics-apiserver. */
export function kedaBinaries(): Promise<string> {
  return binaries(KEDA);
}

/** Paths of KEDA's own definitions, that of ScaledObject first. */
export function kedaDefinitions(): Promise<string[]> {
  return moduleFiles({
    title: "Downloading KEDA's CRDs (first time only)",
    name: 'keda',
    directory: DIRECTORY,
    module: MODULE,
    files: [
      'keda.sh_scaledobjects',
      'keda.sh_scaledjobs',
      'keda.sh_triggerauthentications',
      'keda.sh_clustertriggerauthentications',
      'eventing.keda.sh_cloudeventsources',
      'eventing.keda.sh_clustercloudeventsources',
    ].map((name) => `config/crd/bases/${name}.yaml`),
  });
}
