import { installTestPackages } from './local/packages.ts';

// `make unit` and `make e2e` run this first.
await installTestPackages();
