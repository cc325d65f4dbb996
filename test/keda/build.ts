import { kedaBinaries, kedaDefinitions } from './program.ts';

// `make e2e-keda` runs this first, so that no test waits for it.
await kedaBinaries();
await kedaDefinitions();
