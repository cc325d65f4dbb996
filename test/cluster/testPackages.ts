import { installTestPackages } from './local/packages.ts';

// `make unit`, `make integration` and `make e2e` run this first.
await installTestPackages();
