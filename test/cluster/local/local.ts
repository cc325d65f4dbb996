import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDirectory } from '../common/cache.ts';
import type { Cluster, Images } from '../common/cluster.ts';
import { run, which } from '../common/command.ts';
import { buildahBuilder } from '../image/buildah.ts';
import { buildImages } from '../image/images.ts';
import { withLock } from '../common/lock.ts';
import { step, waitFor } from '../common/step.ts';
import { startControlPlane } from './apiserver.ts';
import {
  binariesAreBuilt,
  dnsBinaries,
  helmBinaries,
  kubernetesBinaries,
  pauseBinary,
} from './binaries.ts';
import { hasImage, importArchive, startContainerd } from './containerd.ts';
import { startControllers, startDns } from './controllers.ts';
import { stopDaemons } from './daemon.ts';
import type { Layout } from './layout.ts';
import { layout, NODE_NAME } from './layout.ts';
import {
  ensureNetwork,
  enter,
  networkExists,
  NODE_ADDRESS,
  SERVICE_ADDRESS,
  SERVICE_RANGE,
} from './network.ts';
import { startNode } from './node.ts';
import { installPackages } from './packages.ts';
import { remove } from './removal.ts';

const API_PORT = 6443;
const ETCD_PORTS = [2379, 2380] as const;
const NODE_TIMEOUT = 60_000;

/** Why this machine cannot run a local cluster; undefined if it can. */
export function localIsPossible(): string | undefined {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0)
    return 'needs root, as it runs containers: use sudo, or install Docker and use CLUSTER=kind';
  if (which('go') === undefined && !binariesAreBuilt())
    return 'no Go and no Docker: install one of Go (https://go.dev/dl), which builds Kubernetes from source, or Docker, for CLUSTER=kind';
  return undefined;
}

/** Kubernetes built from source, on this machine: control plane, kubelet and DNS as processes, pods in containerd. */
export class LocalCluster implements Cluster {
  readonly name = 'local';
  readonly kubeconfig: string;
  readonly #layout: Layout;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    this.#layout = layout(cacheDirectory(environment));
    this.kubeconfig = this.#layout.kubeconfig;
  }

  async up(): Promise<void> {
    const obstacle = localIsPossible();
    if (obstacle !== undefined) throw new Error(`CLUSTER=local: ${obstacle}`);
    await withLock(`${this.#layout.state}.lock`, async () => {
      await installPackages();
      await kubernetesBinaries();
      await dnsBinaries();
      await pauseBinary();
      await step('Starting the local cluster', () => this.#start());
    });
  }

  async down(): Promise<void> {
    if (!(await this.exists())) return;
    await withLock(`${this.#layout.state}.lock`, () =>
      step('Removing the local cluster', () => remove(this.#layout)),
    );
  }

  exists(): Promise<boolean> {
    return Promise.resolve(
      existsSync(this.#layout.state) || existsSync(this.#layout.run) || networkExists(),
    );
  }

  async path(): Promise<string[]> {
    return [await kubernetesBinaries(), await helmBinaries()];
  }

  images(root?: string): Promise<Images> {
    const builder = buildahBuilder(cacheDirectory(this.#environment), {
      has: (name) => hasImage(this.#layout, name),
      importArchive: (archive) => importArchive(this.#layout, archive),
    });
    return buildImages(builder, this.#environment, root);
  }

  async loadImages(images: readonly string[]): Promise<void> {
    for (const image of images) {
      if (existsSync(image)) await importArchive(this.#layout, image);
      else if (!(await hasImage(this.#layout, image)))
        throw new Error(
          `image ${image}: the local cluster does not have it; give a Docker archive`,
        );
    }
  }

  async #start(): Promise<void> {
    const binaries = await kubernetesBinaries();
    await this.#forgetLastBoot();
    if (!networkExists()) await stopDaemons(join(this.#layout.state, 'logs'));
    await ensureNetwork();
    const [controlPlane] = await Promise.all([
      startControlPlane({
        directory: this.#layout.state,
        address: NODE_ADDRESS,
        port: API_PORT,
        etcdPorts: ETCD_PORTS,
        cluster: {
          enter: enter(),
          serviceRange: SERVICE_RANGE,
          serviceAddress: SERVICE_ADDRESS,
        },
      }),
      startContainerd(this.#layout),
    ]);
    await Promise.all([
      startControllers(this.#layout, controlPlane, binaries),
      startDns(this.#layout, controlPlane),
      startNode({ layout: this.#layout, controlPlane, binaries }),
    ]);
    const kubectl = (...args: string[]): Promise<string> =>
      run(join(binaries, 'kubectl'), ['--kubeconfig', this.kubeconfig, ...args]).catch(() => '');
    await waitFor('the node is not ready', NODE_TIMEOUT, async () => {
      const node = await kubectl('get', 'node', NODE_NAME, '-o', `jsonpath=${READINESS}`);
      return node === 'True ';
    });
    await waitFor('the default service account is missing', NODE_TIMEOUT, async () =>
      (await kubectl('get', 'serviceaccount', 'default', '-o', 'name')).includes('default'),
    );
  }

  /** After a reboot, the files in /run describe processes and mounts that no longer exist. */
  async #forgetLastBoot(): Promise<void> {
    const marker = join(this.#layout.run, 'boot');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8');
    if (existsSync(marker) && readFileSync(marker, 'utf8') === boot) return;
    await remove({ ...this.#layout, state: join(this.#layout.run, 'none') });
    await mkdir(this.#layout.run, { recursive: true });
    await writeFile(marker, boot);
  }
}

/** Template of the Ready condition's status and the taints that keep pods away. */
const READINESS =
  '{.status.conditions[?(@.type=="Ready")].status} {.spec.taints[?(@.effect=="NoSchedule")].key}';
