import { run } from '../cluster/common/command.ts';
import { ROOT } from './platform.ts';

const PROGRAM =
  "const { bundle } = await import('./esbuild.config.js'); await bundle('runtime', process.argv[1]);";

/** Bundles the runtime, as its image has it, into a directory of its own: images are built from dist/ meanwhile. */
export async function bundleRuntime(directory: string): Promise<void> {
  const args = ['--input-type=module', '-e', PROGRAM, directory];
  await run(process.execPath, args, { cwd: ROOT });
}
