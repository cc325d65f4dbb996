import { argoCdBinaries, argoCdDefinitions } from './program.ts';

// `make integration` and `make e2e-argocd` run this first, so that no test waits for it.
await argoCdBinaries();
await argoCdDefinitions();
