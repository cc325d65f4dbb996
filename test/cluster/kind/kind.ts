import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDirectory } from '../common/cache.ts';
import type { Cluster, Images } from '../common/cluster.ts';
import { run, succeeds, which } from '../common/command.ts';
import { dockerAnswers, dockerBuilder, dockerHas, removeImages } from '../image/docker.ts';
import { buildImages } from '../image/images.ts';
import { binaries, helmDirectory, kubectlDirectory } from '../local/binaries.ts';
import { withLock } from '../common/lock.ts';
import { step } from '../common/step.ts';
import { completeKubeProxy } from './kubeProxy.ts';

const NAME = 'breakwater';
/** Node image unless KIND_NODE_IMAGE names another. */
const NODE_IMAGE = 'kindest/node:v1.34.3';
const REGISTRY_TIMEOUT = 10_000;

/** Whether kind can work: a Docker engine answers, and it has the node image or can pull it. */
export async function kindIsPossible(environment: NodeJS.ProcessEnv): Promise<boolean> {
  if (which('docker') === undefined || !(await dockerAnswers())) return false;
  const image = environment['KIND_NODE_IMAGE'] || NODE_IMAGE;
  return (
    (await dockerHas(image)) ||
    (await succeeds('docker', ['manifest', 'inspect', image], { timeout: REGISTRY_TIMEOUT }))
  );
}

/** A cluster in Docker containers, made by kind. Follows KIND_CONFIG and KIND_NODE_IMAGE. */
export class KindCluster implements Cluster {
  readonly name = 'kind';
  readonly kubeconfig: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #cache: string;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    this.#cache = cacheDirectory(environment);
    this.kubeconfig = join(this.#cache, 'clusters', 'kind', 'kubeconfig');
  }

  async up(): Promise<void> {
    if (which('docker') === undefined || !(await dockerAnswers()))
      throw new Error('CLUSTER=kind: no Docker engine answers; start it, or use CLUSTER=local');
    await withLock(join(this.#cache, 'clusters', 'kind.lock'), async () => {
      await mkdir(dirname(this.kubeconfig), { recursive: true });
      if ((await this.exists()) && (await this.#answers())) return;
      await this.#kind('delete', 'cluster', '--name', NAME);
      await step('Creating the kind cluster', () => this.#create());
    });
  }

  async down(): Promise<void> {
    if (which('docker') === undefined || !(await this.exists())) return;
    await step('Removing the kind cluster', async () => {
      await this.#kind('delete', 'cluster', '--name', NAME);
      await removeImages();
      await rm(dirname(this.kubeconfig), { recursive: true, force: true });
    });
  }

  async exists(): Promise<boolean> {
    return (await nodes()).length > 0 || existsSync(this.kubeconfig);
  }

  async path(): Promise<string[]> {
    return [...new Set([await kubectlDirectory(), await helmDirectory()])];
  }

  images(root?: string): Promise<Images> {
    const builder = dockerBuilder(
      this.#cache,
      (name) => nodeHas(name),
      (names) => this.loadImages(names),
    );
    return buildImages(builder, this.#environment, root);
  }

  async loadImages(images: readonly string[]): Promise<void> {
    const archives = images.filter((image) => existsSync(image));
    const names = images.filter((image) => !archives.includes(image));
    if (names.length > 0) await this.#kind('load', 'docker-image', '--name', NAME, ...names);
    for (const archive of archives)
      await this.#kind('load', 'image-archive', '--name', NAME, archive);
  }

  async #create(): Promise<void> {
    const image = this.#environment['KIND_NODE_IMAGE'] || NODE_IMAGE;
    const config = this.#environment['KIND_CONFIG'];
    const options = ['--name', NAME, '--image', image, '--wait', '120s'];
    if (config) options.push('--config', config);
    await this.#kind('create', 'cluster', ...options);
    const kubectl = join((await this.path())[0]!, 'kubectl');
    await completeKubeProxy(`${NAME}-control-plane`, (...args) =>
      run(kubectl, ['--kubeconfig', this.kubeconfig, ...args]),
    );
  }

  /** Whether the API server of an existing cluster answers. Writes the kubeconfig again first. */
  async #answers(): Promise<boolean> {
    const exported = await this.#kind('export', 'kubeconfig', '--name', NAME).then(
      () => true,
      () => false,
    );
    const kubectl = join((await this.path())[0]!, 'kubectl');
    const probe = [
      '--kubeconfig',
      this.kubeconfig,
      '--request-timeout',
      '5s',
      'get',
      '--raw',
      '/readyz',
    ];
    return exported && (await succeeds(kubectl, probe));
  }

  async #kind(...args: string[]): Promise<string> {
    const program = which('kind') ?? join(await kindBinaries(), 'kind');
    return run(program, args, { env: { ...process.env, KUBECONFIG: this.kubeconfig } });
  }
}

function kindBinaries(): Promise<string> {
  return binaries({
    title: 'Building kind (first time only, about 20 s)',
    directory: import.meta.dirname,
    packages: ['sigs.k8s.io/kind'],
  });
}

/** Names of the cluster's containers, also of stopped ones. */
async function nodes(): Promise<string[]> {
  const filter = ['--filter', `label=io.x-k8s.kind.cluster=${NAME}`];
  const names = await run('docker', ['ps', '--all', ...filter, '--format', '{{.Names}}']).catch(
    () => '',
  );
  return names.split('\n').filter(Boolean);
}

/** Whether every node has the image. */
async function nodeHas(name: string): Promise<boolean> {
  const all = await nodes();
  const found = await Promise.all(
    all.map(async (node) => {
      const list = ['exec', node, 'ctr', '-n', 'k8s.io', 'images', 'list', '-q'];
      return (await run('docker', list)).split('\n').includes(name);
    }),
  );
  return found.length > 0 && found.every(Boolean);
}
