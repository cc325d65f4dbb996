import type { Pod } from '../../operator/kube/index.ts';
import type { PodLine } from '../view/requestLog.ts';
import type { PodAnswer } from '../view/top.ts';
import type { World } from '../view/world.ts';
import type { ChangesPage } from './answers.ts';

/** Where the console gets what it shows: a cluster or this computer. All may throw an Error with a message for users. */
export interface Source {
  world(): World;
  /** Why the last request to the API server failed; undefined if it did not. */
  problem(): string | undefined;
  /** Calls `changed` at each change until the function that it gives is called. */
  onChange(changed: () => void): () => void;
  /** Figures of the pods. A pod that does not answer has none, and `warn` gets its failure. */
  figures(pods: readonly Pod[], warn: (text: string) => void): Promise<PodAnswer[]>;
  /** Lines of the pods' logs about the request. */
  lines(pods: readonly Pod[], id: string): Promise<PodLine[]>;
  /** What applying the manifest would change. It changes nothing. */
  changes(manifest: string): Promise<ChangesPage>;
}
