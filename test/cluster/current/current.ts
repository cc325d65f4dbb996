import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Cluster, Images } from '../common/cluster.ts';
import { run, succeeds } from '../common/command.ts';
import { helmDirectory, kubectlDirectory } from '../local/binaries.ts';
import { say } from '../common/step.ts';

/**
 * The cluster of the user's kubectl context. Creates and removes nothing in it. Images come from a registry by name.
 */
export class CurrentCluster implements Cluster {
  readonly name = 'current';
  readonly kubeconfig: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
    const fallback = join(homedir(), '.kube', 'config');
    const paths = (environment['KUBECONFIG'] || fallback).split(delimiter).filter(Boolean);
    this.kubeconfig = paths.find((path) => existsSync(path)) ?? fallback;
  }

  async up(): Promise<void> {
    this.#imageNames('');
    const kubectl = join((await this.path())[0]!, 'kubectl');
    const env = { ...process.env, KUBECONFIG: this.kubeconfig };
    const context = await run(kubectl, ['config', 'current-context'], { env }).catch(() => {
      throw new Error(
        `CLUSTER=current: ${this.kubeconfig} has no current context; set one with kubectl config use-context, or set KUBECONFIG`,
      );
    });
    const probe = ['--request-timeout', '10s', 'get', '--raw', '/readyz'];
    if (!(await succeeds(kubectl, probe, { env })))
      throw new Error(`CLUSTER=current: the cluster of context ${context.trim()} does not answer`);
    say(`    using the kubectl context ${context.trim()}`);
  }

  down(): Promise<void> {
    say('    CLUSTER=current: the cluster is yours and stays as it is');
    return Promise.resolve();
  }

  exists(): Promise<boolean> {
    return Promise.resolve(existsSync(this.kubeconfig));
  }

  async path(): Promise<string[]> {
    return [...new Set([await kubectlDirectory(), await helmDirectory()])];
  }

  images(root?: string): Promise<Images> {
    return Promise.resolve(this.#imageNames(root === undefined ? '' : 'PINNED_'));
  }

  loadImages(): Promise<void> {
    return Promise.reject(
      new Error('CLUSTER=current: push the images to a registry that the cluster can pull from'),
    );
  }

  /** @param prefix of the variables with the images of the version that test/compat pins */
  #imageNames(prefix: string): Images {
    const names = {
      operator: `${prefix}OPERATOR_IMAGE`,
      runtime: `${prefix}RUNTIME_IMAGE`,
      simulator: `${prefix}SIMULATOR_IMAGE`,
    };
    const missing = Object.values(names).filter((name) => !this.#environment[name]);
    if (missing.length > 0)
      throw new Error(
        `CLUSTER=current: set ${missing.join(', ')} to images that the cluster can pull; build them with docker build and push them to your registry`,
      );
    return {
      operator: this.#environment[names.operator]!,
      runtime: this.#environment[names.runtime]!,
      simulator: this.#environment[names.simulator]!,
    };
  }
}
