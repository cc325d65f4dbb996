import { collectorBinaries } from './otelCollector.ts';

// `make integration` runs this first, so that no test waits for it.
await collectorBinaries();
