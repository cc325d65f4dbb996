/** Reads from the Dockerfile how the image starts the runtime, so that the bench measures what runs in a pod. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ImageStart {
  /** Arguments of Node before the program. */
  flags: string[];
  env: Record<string, string>;
}

/** Flags and environment of the build stage `runtime`. */
export async function imageStart(): Promise<ImageStart> {
  const text = await readFile(join(import.meta.dirname, '../../../Dockerfile'), 'utf8');
  const stage = /^FROM .* AS runtime\n([\s\S]*?)(?=^FROM |$(?![\s\S]))/m.exec(text)?.[1] ?? '';
  const command = JSON.parse(/^ENTRYPOINT (\[.*\])$/m.exec(stage)?.[1] ?? '[]') as string[];
  if (command.length < 2) throw new Error('the Dockerfile has no stage runtime with an ENTRYPOINT');
  const env = [...stage.matchAll(/^ENV (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
  return { flags: command.slice(1, -1), env: Object.fromEntries(env) as Record<string, string> };
}
