/** Names of the images of this checkout. */
export interface Images {
  operator: string;
  runtime: string;
  simulator: string;
}

/** A Kubernetes to run the demo and the end-to-end tests on. */
export interface Cluster {
  readonly name: ProviderName;
  /** Path of the kubeconfig that `up` writes. */
  readonly kubeconfig: string;
  /** Starts or repairs the cluster. Quick when it already runs. */
  up(): Promise<void>;
  /** Removes all that `up` created, and nothing else. */
  down(): Promise<void>;
  exists(): Promise<boolean>;
  /** Directories to put first on the PATH: they hold kubectl and helm. */
  path(): Promise<string[]>;
  /** Builds the images of a checkout, by default this one, for the cluster's pods. Returns their names. */
  images(root?: string): Promise<Images>;
  /** Loads images for the pods: names known to the image builder, or paths of Docker archives. */
  loadImages(images: readonly string[]): Promise<void>;
}

export const PROVIDERS = ['local', 'kind', 'current'] as const;
export type ProviderName = (typeof PROVIDERS)[number];
