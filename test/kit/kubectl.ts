import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';

/** Environment with KUBECONFIG, and a PATH with kubectl and helm. */
export interface ClusterEnvironment {
  KUBECONFIG: string;
  PATH: string;
}

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs programs against one cluster. */
export class Kubectl {
  readonly environment: ClusterEnvironment;

  constructor(environment: ClusterEnvironment) {
    this.environment = environment;
  }

  /** Starts a program and does not wait for its end. */
  spawn(program: string, args: readonly string[], cwd?: string): ChildProcess {
    return spawn(program, args, {
      cwd,
      env: { ...process.env, ...this.environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
  }

  /** Runs a program to its end. Throws only if it cannot be started. */
  async exec(
    program: string,
    args: readonly string[],
    options: { input?: string; cwd?: string } = {},
  ): Promise<CommandResult> {
    const child = this.spawn(program, args, options.cwd);
    const result: CommandResult = { code: -1, stdout: '', stderr: '' };
    child.stdout?.on('data', (data: Buffer) => (result.stdout += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (result.stderr += data.toString()));
    child.stdin?.on('error', () => undefined); // A program that does not read its input is judged by its exit code.
    child.stdin?.end(options.input ?? '');
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    child.on('error', reject);
    child.on('close', (code) => resolve(code ?? -1));
    result.code = await promise;
    return result;
  }

  /** Runs kubectl and returns its output. Throws an Error with its error output. */
  async run(args: readonly string[], options: { input?: string } = {}): Promise<string> {
    const result = await this.exec('kubectl', args, options);
    if (result.code === 0) return result.stdout;
    throw new Error(`kubectl ${args.join(' ')}: ${result.stderr.trim() || `exit ${result.code}`}`);
  }

  /** Applies manifests given as YAML or JSON. */
  apply(manifests: string): Promise<string> {
    return this.run(['apply', '-f', '-'], { input: manifests });
  }
}
