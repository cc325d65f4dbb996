import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, realpathSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run, which } from '../common/command.ts';
import { step } from '../common/step.ts';
import { writeArchive } from './archive.ts';

/** A base image for machines that cannot pull the usual one. */
export interface BaseImage {
  name: string;
  /** Path of its Docker archive. */
  archive: string;
}

const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const MEGABYTE = 1e6;

/**
 * Creates an image with the Node of the npm package `node` and its needs: shared libraries, the user nonroot, CA
 * certificates, /tmp. Its layout is that of gcr.io/distroless/nodejs24-debian12.
 */
export async function baseImage(cache: string): Promise<BaseImage> {
  const node = nodeBinary();
  const key = createHash('sha256')
    .update(await readFile(node))
    .update(await readFile(import.meta.filename))
    .digest('hex')
    .slice(0, 12);
  const base = {
    name: `localhost/breakwater/base:${key}`,
    archive: join(cache, 'images', `base-${key}.tar`),
  };
  if (existsSync(base.archive)) return base;
  await step('Making the base image (Node, its libraries, CA certificates)', async () => {
    const root = await mkdtemp(join(tmpdir(), 'breakwater-base-'));
    try {
      await fill(root, node);
      await writeArchive(base.archive, { name: base.name, root });
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
  return base;
}

export async function megabytes(path: string): Promise<number> {
  return (await stat(path)).size / MEGABYTE;
}

function nodeBinary(): string {
  const packageFile = createRequire(import.meta.url).resolve('node/package.json');
  return realpathSync(join(dirname(packageFile), 'bin', 'node'));
}

async function fill(root: string, node: string): Promise<void> {
  const put = async (path: string, content: string): Promise<void> => {
    await mkdir(join(root, dirname(path)), { recursive: true });
    await writeFile(join(root, path), content);
  };
  await put(
    '/etc/passwd',
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  );
  await put('/etc/group', 'root:x:0:\nnonroot:x:65532:\n');
  await put('/etc/nsswitch.conf', 'hosts: files dns\n');
  for (const library of await librariesOf(node)) await copy(library, join(root, library));
  if (existsSync(CERTIFICATES)) await copy(CERTIFICATES, join(root, CERTIFICATES));
  const binary = join(root, 'nodejs/bin/node');
  await copy(node, binary);
  if (which('strip') !== undefined) await run('strip', [binary]);
  await mkdir(join(root, 'home/nonroot'), { recursive: true });
  await mkdir(join(root, 'tmp'));
  await chmod(join(root, 'tmp'), 0o1777);
  await chmod(root, 0o755);
}

/** Paths of a program's shared libraries and its loader. */
async function librariesOf(program: string): Promise<string[]> {
  const lines = await run('ldd', [program]);
  return [...lines.matchAll(/(?:=>\s+)?(\/\S+\.so\S*)\s+\(/g)].map((match) => match[1]!);
}

async function copy(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
