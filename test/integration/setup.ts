import { helmBinaries, kubernetesBinaries, promtoolBinaries } from '../cluster/local/binaries.ts';
import { kstatusBinaries } from '../kit/kstatus.ts';

/** Builds the programs of the test files one after another, so that no test waits for a build. */
export default async function setup(): Promise<void> {
  await kubernetesBinaries();
  await helmBinaries();
  await promtoolBinaries();
  await kstatusBinaries();
}
