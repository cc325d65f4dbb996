import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parse } from 'yaml';
import { freePort } from '../cluster/common/freePort.ts';
import { RealRedis } from '../../runtime/testing/redis.ts';
import type { Kubectl } from '../kit/kubectl.ts';
import { waitFor } from '../kit/wait.ts';
import { SETTINGS } from './lua.ts';
import { argoCdBinaries, argoCdDefinitions } from './program.ts';

const PART_OF = { 'app.kubernetes.io/part-of': 'argocd' };
const LOG_LINES = 30;

/**
 * Argo CD's application controller, ApplicationSet controller and repo server with a Redis, as processes beside the cluster,
 * for the Applications of one namespace, under the settings of config/argocd.
 */
export class ArgoCd {
  readonly #kubectl: Kubectl;
  readonly #namespace: string;
  readonly #directory: string;
  readonly #redis: RealRedis;
  readonly #processes = new Map<string, ChildProcess>();
  /** Argo CD's definitions, when they were not in the cluster before. */
  #definitions: string[] = [];

  private constructor(kubectl: Kubectl, namespace: string, directory: string, redis: RealRedis) {
    this.#kubectl = kubectl;
    this.#namespace = namespace;
    this.#directory = directory;
    this.#redis = redis;
  }

  static async start(kubectl: Kubectl, namespace: string): Promise<ArgoCd> {
    const directory = await mkdtemp(join(tmpdir(), 'breakwater-argocd-'));
    const argoCd = new ArgoCd(kubectl, namespace, directory, await RealRedis.start());
    try {
      await argoCd.#install();
      await argoCd.#run();
      return argoCd;
    } catch (error) {
      await argoCd.stop();
      throw error;
    }
  }

  /** Ends every process and removes what `start` put into the cluster outside its namespace. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes.values()].map(end));
    await this.#redis.stop();
    await this.#release();
    if (this.#definitions.length > 0)
      await this.#kubectl.run(['delete', '--ignore-not-found', ...filesOf(this.#definitions)]);
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Nothing is left to do what finalizers of Applications wait for. */
  async #release(): Promise<void> {
    const kinds = 'applications.argoproj.io,applicationsets.argoproj.io,appprojects.argoproj.io';
    const place = ['-n', this.#namespace];
    const found = await this.#kubectl.exec('kubectl', ['get', kinds, ...place, '-o', 'name']);
    const patch = ['--type', 'merge', '-p', '{"metadata":{"finalizers":null}}'];
    for (const name of found.stdout.split('\n').filter((line) => line !== ''))
      await this.#kubectl.exec('kubectl', ['patch', name, ...place, ...patch]);
  }

  /** The end of each process's log, for a test that fails. */
  logs(): string {
    return [...this.#processes.keys()]
      .map((name) => {
        const lines = readFileSync(this.#log(name), 'utf8').trimEnd().split('\n');
        return [`== ${name}`, ...lines.slice(-LOG_LINES)].join('\n');
      })
      .join('\n');
  }

  async #install(): Promise<void> {
    const files = await argoCdDefinitions();
    const found = await this.#kubectl.run([
      ...['get', 'customresourcedefinitions', '--ignore-not-found', '-o', 'name'],
      'applications.argoproj.io',
    ]);
    if (found === '') {
      this.#definitions = files;
      await this.#kubectl.run(['apply', '--server-side', ...filesOf(files)]);
      const wait = ['wait', '--for=condition=Established', ...filesOf(files)];
      // kubectl wait fails on a definition that has no conditions yet.
      await waitFor(
        'the definitions are established',
        () => this.#kubectl.run(wait),
        () => true,
      );
    }
    const { data } = parse(await readFile(SETTINGS, 'utf8')) as { data: Record<string, string> };
    await this.#apply(
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'argocd-cm', labels: PART_OF },
        data,
      },
      {
        ...{ apiVersion: 'v1', kind: 'Secret' },
        metadata: { name: 'argocd-secret', labels: PART_OF },
        // Argo CD's API server makes it otherwise.
        stringData: { 'server.secretkey': randomBytes(32).toString('base64') },
      },
      {
        apiVersion: 'argoproj.io/v1alpha1',
        kind: 'AppProject',
        metadata: { name: 'default' },
        spec: {
          sourceRepos: ['*'],
          destinations: [{ namespace: '*', server: '*' }],
          clusterResourceWhitelist: [{ group: '*', kind: '*' }],
        },
      },
    );
  }

  async #apply(...items: Record<string, unknown>[]): Promise<void> {
    const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    await this.#kubectl.run(['apply', '-n', this.#namespace, '-f', '-'], { input });
  }

  async #run(): Promise<void> {
    const redis = `127.0.0.1:${this.#redis.port}`;
    const port = await freePort();
    const repoServer = `127.0.0.1:${port}`;
    await this.#start('repo-server', [
      ...['--address', '127.0.0.1', '--port', String(port), '--disable-tls', '--redis', redis],
      ...['--metrics-address', '127.0.0.1', '--metrics-port', String(await freePort())],
    ]);
    await waitFor('the repo server listens', () => isOpen(port), Boolean, { timeoutMs: 60_000 });
    await this.#start('application-controller', [
      ...['--namespace', this.#namespace, '--redis', redis, '--persist-resource-health'],
      ...['--repo-server', repoServer, '--repo-server-plaintext'],
      ...['--metrics-port', String(await freePort())],
    ]);
    await this.#start('applicationset-controller', [
      ...['--namespace', this.#namespace],
      ...['--argocd-repo-server', repoServer, '--repo-server-plaintext'],
      ...['--metrics-addr', '0', '--probe-addr', '0'],
      ...['--webhook-addr', `127.0.0.1:${await freePort()}`],
    ]);
  }

  async #start(name: string, args: readonly string[]): Promise<void> {
    const directory = await argoCdBinaries();
    const home = join(this.#directory, name);
    mkdirSync(home);
    const { KUBECONFIG, PATH } = this.#kubectl.environment;
    const log = openSync(this.#log(name), 'a');
    const child = spawn(join(directory, 'argocd'), [name, ...args, '--logformat', 'text'], {
      cwd: home,
      env: {
        ...process.env,
        KUBECONFIG,
        PATH: [directory, PATH].join(delimiter),
        HOME: home,
        TMPDIR: home,
        // https://kubernetes.default.svc is the cluster of KUBECONFIG.
        ARGOCD_FAKE_IN_CLUSTER: 'true',
        ARGOCD_GPG_ENABLED: 'false',
        ARGOCD_ASK_PASS_SOCK: join(home, 'ask-pass.sock'),
      },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#processes.set(name, child);
    await once(child, 'spawn');
  }

  #log(name: string): string {
    return join(this.#directory, `${name}.log`);
  }
}

function filesOf(paths: readonly string[]): string[] {
  return paths.flatMap((path) => ['-f', path]);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ host: '127.0.0.1', port }, () => resolve(true));
  socket.on('error', () => resolve(false));
  return promise.finally(() => socket.destroy());
}
