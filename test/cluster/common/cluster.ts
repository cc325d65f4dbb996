/** Names of the images of this checkout. */
export interface Images {
  operator: string;
  runtime: string;
  simulator: string;
}

/** A Kubernetes to run the demo and the end-to-end tests on. */
export interface Cluster {
  readonly name: ProviderName;
  /** Path of the kubeconfig; the file is there once `up` is done. */
  readonly kubeconfig: string;
  /** Brings it up, or repairs it; quick when it runs. */
  up(): Promise<void>;
  /** Removes all that `up` made, and nothing else. */
  down(): Promise<void>;
  exists(): Promise<boolean>;
  /** Directories to put first on the PATH: they hold kubectl and helm. */
  path(): Promise<string[]>;
  /** Makes the images of this checkout, or of one elsewhere, available to the cluster's pods and answers their names. */
  images(root?: string): Promise<Images>;
  /** Makes images available to the pods: names known to the image builder, or paths of Docker archives. */
  loadImages(images: readonly string[]): Promise<void>;
}

export const PROVIDERS = ['local', 'kind', 'current'] as const;
export type ProviderName = (typeof PROVIDERS)[number];
