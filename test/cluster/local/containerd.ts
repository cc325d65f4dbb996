import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, succeeds, which } from '../common/command.ts';
import { writeArchive } from '../image/archive.ts';
import { pauseBinary } from './binaries.ts';
import { Daemon } from './daemon.ts';
import type { Layout } from './layout.ts';
import { enter, MTU, POD_RANGE } from './network.ts';
import { cniDirectory } from './packages.ts';

const PAUSE_IMAGE = 'localhost/breakwater/pause:1';
const CNI_NETWORK = 'breakwater';
const READY_TIMEOUT = 30_000;

/** Starts containerd with its own socket and directories, so that it does not depend on a Docker engine. */
export async function startContainerd(layout: Layout): Promise<void> {
  const plugins = cniDirectory();
  if (plugins === undefined) throw new Error('the CNI plugins are missing');
  const network = join(layout.state, 'cni');
  await mkdir(network, { recursive: true });
  await mkdir(layout.run, { recursive: true });
  await writeFile(join(network, '10-bridge.conflist'), networkConfiguration(layout));
  const configuration = containerdConfiguration(layout, plugins, await snapshotter(layout));
  const file = join(layout.state, 'containerd.toml');
  await writeFile(file, configuration);
  const daemon = new Daemon({
    name: 'containerd',
    command: [...enter(), which('containerd') ?? 'containerd', '--config', file],
    directory: join(layout.state, 'logs'),
    configuration,
    outlives: true,
  });
  await daemon.start();
  await daemon.ready(READY_TIMEOUT, () => answers(layout));
  await importPause(layout);
}

/** Arguments of `ctr` for the pods' images and containers. */
export function ctr(layout: Layout, ...args: string[]): string[] {
  return ['--address', layout.socket, '--namespace', 'k8s.io', ...args];
}

export async function hasImage(layout: Layout, name: string): Promise<boolean> {
  return (await run('ctr', ctr(layout, 'images', 'list', '-q'))).split('\n').includes(name);
}

export async function importArchive(layout: Layout, archive: string): Promise<void> {
  await run('ctr', ctr(layout, 'images', 'import', archive));
}

/** Removes all containers with their tasks. containerd must still run. */
export async function removeContainers(layout: Layout): Promise<void> {
  if (!(await answers(layout))) return;
  const tasks = await run('ctr', ctr(layout, 'tasks', 'list', '-q'));
  const ids = tasks.split('\n').filter(Boolean);
  await Promise.all(
    ids.map((id) => succeeds('ctr', ctr(layout, 'tasks', 'delete', '--force', id))),
  );
}

/** Whether containerd answers. Checks for its socket first, because `ctr` would wait ten seconds for it. */
async function answers(layout: Layout): Promise<boolean> {
  const probe = ['--connect-timeout', '500ms', ...ctr(layout, 'version')];
  return existsSync(layout.socket) && succeeds('ctr', probe);
}

async function importPause(layout: Layout): Promise<void> {
  if (await hasImage(layout, PAUSE_IMAGE)) return;
  const archive = join(layout.state, 'pause.tar');
  await writeArchive(archive, {
    name: PAUSE_IMAGE,
    root: await pauseBinary(),
    entrypoint: ['/pause'],
  });
  await importArchive(layout, archive);
  await rm(archive);
}

/** overlayfs, unless the directory is itself on an overlay, as in a container. */
async function snapshotter(layout: Layout): Promise<string> {
  const type = await run('stat', ['-f', '-c', '%T', layout.state]);
  return type.trim() === 'overlayfs' ? 'native' : 'overlayfs';
}

/** restrict_oom_score_adj is for hosts without CAP_SYS_RESOURCE, netns_mounts_under_state_dir for a clean removal. */
function containerdConfiguration(layout: Layout, plugins: string, snapshotter: string): string {
  return `version = 2
root = "${layout.state}/containerd"
state = "${layout.run}/containerd"
disabled_plugins = ["io.containerd.internal.v1.tracing", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "${layout.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${PAUSE_IMAGE}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "${plugins}"
    conf_dir = "${layout.state}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "${snapshotter}"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${layout.run}/runc"
`;
}

function networkConfiguration(layout: Layout): string {
  return JSON.stringify({
    cniVersion: '0.4.0',
    name: CNI_NETWORK,
    plugins: [
      {
        type: 'bridge',
        bridge: 'pods',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        mtu: MTU,
        ipam: {
          type: 'host-local',
          dataDir: join(layout.run, 'addresses'),
          ranges: [[{ subnet: POD_RANGE }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
}
