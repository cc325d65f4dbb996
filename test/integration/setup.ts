import { helmBinaries, kubernetesBinaries, promtoolBinaries } from '../cluster/local/binaries.ts';
import { kstatusBinaries } from '../kit/kstatus.ts';

/** Builds what the test files run, one after the other, so that no test waits for a build and no two build the same. */
export default async function setup(): Promise<void> {
  await kubernetesBinaries();
  await helmBinaries();
  await promtoolBinaries();
  await kstatusBinaries();
}
