import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AggregatedApi, placeOf, type Place } from '../cluster/aggregatedApi.ts';
import type { Cluster } from '../cluster/common/cluster.ts';
import { CertificateAuthority } from '../cluster/local/certificates.ts';
import { Daemon } from '../cluster/local/daemon.ts';
import type { Kubectl } from '../kit/kubectl.ts';
import { kedaBinaries, kedaDefinitions } from './program.ts';

const PORTS = { serving: 14444, figures: 14666, health: 14081 };
const API = {
  name: 'breakwater-keda',
  group: 'external.metrics.k8s.io',
  version: 'v1beta1',
  port: PORTS.serving,
};
const READY_TIMEOUT = 60_000;

/**
 * KEDA's operator and metrics server as processes beside the cluster, for the ScaledObjects of one namespace. Its definitions
 * come with it and go with it.
 */
export class Keda {
  readonly #kubectl: Kubectl;
  readonly #api: AggregatedApi;
  readonly #directory: string;
  readonly #daemons: Daemon[] = [];

  private constructor(kubectl: Kubectl, directory: string) {
    this.#kubectl = kubectl;
    this.#api = new AggregatedApi(API, (args, input) =>
      kubectl.run(args, input === undefined ? {} : { input }),
    );
    this.#directory = directory;
  }

  static async start(cluster: Cluster, kubectl: Kubectl, namespace: string): Promise<Keda> {
    const keda = new Keda(kubectl, await mkdtemp(join(tmpdir(), 'breakwater-keda-')));
    try {
      await keda.#install();
      await keda.#run(cluster, await placeOf(cluster, 'KEDA'), namespace);
    } catch (error) {
      await keda.stop();
      throw error;
    }
    return keda;
  }

  /** Removes the definitions, and with them the ScaledObjects, while KEDA can still clear up after them. */
  async uninstall(): Promise<void> {
    const files = (await kedaDefinitions()).flatMap((file) => ['-f', file]);
    await this.#kubectl.run(['delete', '--ignore-not-found', '--timeout=60s', ...files]);
  }

  async stop(): Promise<void> {
    try {
      await this.#api.remove();
      if (this.#daemons.length > 0) await this.uninstall();
    } finally {
      for (const daemon of this.#daemons) await daemon.stop();
      await rm(this.#directory, { recursive: true, force: true });
    }
  }

  async #install(): Promise<void> {
    await this.#api.remove();
    if (await this.#api.isServed())
      throw new Error(`the cluster has ${API.group} already: remove what serves it`);
    const files = (await kedaDefinitions()).flatMap((file) => ['-f', file]);
    await this.#kubectl.run(['apply', '--server-side', ...files]);
    const plurals = ['scaledobjects', 'scaledjobs', 'triggerauthentications'];
    const names = plurals.map((plural) => `customresourcedefinitions/${plural}.keda.sh`);
    const wait = ['--for=create', '--for=condition=Established', '--timeout=60s'];
    await this.#kubectl.run(['wait', ...wait.slice(1), ...names]);
  }

  async #run(cluster: Cluster, { prefix, address }: Place, namespace: string): Promise<void> {
    const directory = this.#directory;
    const certificateDirectory = join(directory, 'certificates');
    const certificates = await CertificateAuthority.open(certificateDirectory, 'ca');
    // Both ends of the connection between the two show it.
    const names = ['127.0.0.1', address];
    const pair = await certificates.issue('tls', { commonName: 'keda', names });
    const programs = await kedaBinaries();
    const env = {
      KUBECONFIG: cluster.kubeconfig,
      WATCH_NAMESPACE: namespace,
      POD_NAMESPACE: namespace,
      KEDA_CLUSTER_OBJECT_NAMESPACE: namespace,
    };
    const start = async (name: string, args: readonly string[]): Promise<Daemon> => {
      const command = [...prefix, join(programs, name), ...args];
      const daemon = new Daemon({ name, command, directory, env, outlives: false });
      this.#daemons.push(daemon);
      await daemon.start();
      return daemon;
    };
    await start('keda-operator', [
      ...['--metrics-bind-address=0', `--health-probe-bind-address=127.0.0.1:${PORTS.health}`],
      ...[`--metrics-service-bind-address=127.0.0.1:${PORTS.figures}`],
      `--cert-dir=${certificateDirectory}`,
      '--zap-log-level=info',
    ]);
    const server = await start('keda-metrics-apiserver', [
      ...['authentication', 'authorization', 'lister'].map(
        (what) => `--${what}-kubeconfig=${cluster.kubeconfig}`,
      ),
      ...[`--secure-port=${PORTS.serving}`, `--bind-address=${address}`, '--port=0'],
      ...[`--cert-dir=${certificateDirectory}`, `--tls-cert-file=${pair.certificate}`],
      ...[`--tls-private-key-file=${pair.key}`],
      `--metrics-service-address=127.0.0.1:${PORTS.figures}`,
    ]);
    await this.#api.announce(address);
    await server.ready(READY_TIMEOUT, () => this.#api.isServed());
  }
}
