import type { Images } from '../cluster/common/cluster.ts';
import { mustShow, type Narrator } from '../demo/narrator.ts';
import type { Kubectl } from '../kit/kubectl.ts';
import { helm, OPERATOR_NAMESPACE, ROOT } from '../kit/platform.ts';

/** A chart with its images. */
export interface Release {
  /** How the story writes the chart's path. */
  shown: string;
  chart: string;
  images: Pick<Images, 'operator' | 'runtime'>;
}

const NAMESPACE = ['--namespace', OPERATOR_NAMESPACE] as const;
const WAIT = ['--wait', '--timeout', '3m'] as const;

/** Runs Helm as a user does, and shows each command. */
export class Releases {
  readonly #kubectl: Kubectl;
  readonly #narrator: Narrator;

  constructor(kubectl: Kubectl, narrator: Narrator) {
    this.#kubectl = kubectl;
    this.#narrator = narrator;
  }

  /** Such as v3.19. */
  async version(): Promise<string> {
    const said = await helm(this.#kubectl, ['version', '--short']);
    return said.trim().split('+')[0]!;
  }

  install(release: Release): Promise<void> {
    return this.#apply(['install'], release, ['--create-namespace']);
  }

  /** `values` as name=value; those of the release before stay. */
  upgrade(release: Release, values: readonly string[] = []): Promise<void> {
    const set = values.flatMap((value) => ['--set', value]);
    return this.#apply(['upgrade'], release, ['--reset-then-reuse-values', ...set]);
  }

  /** Goes back to what the revision installed. */
  async rollback(revision: number): Promise<void> {
    const args = ['rollback', 'breakwater', `${revision}`, ...NAMESPACE];
    const said = await helm(this.#kubectl, [...args, ...WAIT]);
    this.#narrator.show(`helm ${args.join(' ')} --wait`, said);
    await this.#history();
  }

  /** Tries to go back to a revision that has definitions. */
  async rollbackIsRefused(revision: number): Promise<void> {
    const args = ['rollback', 'breakwater', `${revision}`, ...NAMESPACE];
    const { code, stderr } = await this.#kubectl.exec('helm', args);
    // Helm 4 says the same of each definition.
    const complaint = stderr.slice(stderr.indexOf('Error:')).split(' && ')[0]!;
    this.#narrator.show(`helm ${args.join(' ')}`, complaint);
    mustShow(code !== 0, 'Helm took the definitions back');
  }

  /** Installs this release's definitions. */
  async applyDefinitions(): Promise<void> {
    const args = ['apply', '--server-side', '--force-conflicts', '-k', 'config/crd'];
    const path = `${ROOT}config/crd`;
    const said = await this.#kubectl.run([...args.slice(0, -1), path]);
    this.#narrator.show(`kubectl ${args.join(' ')}`, said);
  }

  async #apply(verb: string[], release: Release, more: readonly string[]): Promise<void> {
    const { chart, shown, images } = release;
    const pairs = Object.entries({ operator: images.operator, runtime: images.runtime });
    const set = pairs.flatMap(([name, image]) => ['--set', `image.${name}=${image}`]);
    await helm(this.#kubectl, [
      ...verb,
      'breakwater',
      chart,
      ...NAMESPACE,
      ...more,
      ...set,
      ...WAIT,
    ]);
    const line = [...verb, 'breakwater', shown, ...NAMESPACE, ...more].join(' ');
    this.#narrator.show(`helm ${line} --set image… --wait`, await this.#revision());
  }

  async #revision(): Promise<string> {
    const history = await this.#history();
    return history.trimEnd().split('\n').at(-1)!;
  }

  #history(): Promise<string> {
    return helm(this.#kubectl, ['history', 'breakwater', ...NAMESPACE]);
  }
}
