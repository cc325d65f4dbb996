import { MANAGED_BY } from './desired/common/metadata.ts';
import { isAlreadyExists, isConflict, isNotFound, type KubeClient } from './kube/index.ts';
import { Secrets } from './resources/resources.ts';
import type { AuthorityData, SecretStore, StoredAuthorities } from './links/index.ts';
import type { Settings } from './settings.ts';

/** Annotation on the Secret. Setting it makes the operator replace the authority at once. */
const REVOKE_ANNOTATION = 'breakwater.dev/revoke';

/** The Secret with the authorities of links, in the operator's namespace. */
export class AuthorityStore implements SecretStore {
  readonly #client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly #namespace: string;
  readonly #name: string;

  constructor(
    client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
    { namespace, authoritySecret }: Pick<Settings, 'namespace' | 'authoritySecret'>,
  ) {
    this.#client = client;
    this.#namespace = namespace;
    this.#name = authoritySecret;
  }

  async read(): Promise<StoredAuthorities | undefined> {
    const secret = await this.#client.get(Secrets, this.#namespace, this.#name);
    if (!secret) return undefined;
    const decoded = Object.entries(secret.data ?? {}).map(([key, text]) => [
      key,
      Buffer.from(text, 'base64').toString(),
    ]);
    const data = Object.fromEntries(decoded) as AuthorityData;
    const { resourceVersion, annotations } = secret.metadata;
    const revoked = Boolean(annotations?.[REVOKE_ANNOTATION]);
    return { data, version: resourceVersion!, revoked };
  }

  async create(data: AuthorityData): Promise<'created' | 'exists'> {
    try {
      await this.#client.create(Secrets, this.#secret(data));
      return 'created';
    } catch (error) {
      if (isAlreadyExists(error)) return 'exists';
      throw error;
    }
  }

  async replace(data: AuthorityData, version: string): Promise<'replaced' | 'changed'> {
    try {
      await this.#client.replace(Secrets, this.#secret(data, version));
      return 'replaced';
    } catch (error) {
      if (isConflict(error) || isNotFound(error)) return 'changed';
      throw error;
    }
  }

  #secret(data: AuthorityData, resourceVersion?: string): Parameters<KubeClient['create']>[1] {
    const encoded = Object.entries(data).map(([key, text]) => [
      key,
      Buffer.from(text).toString('base64'),
    ]);
    return {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: this.#name,
        namespace: this.#namespace,
        labels: { 'app.kubernetes.io/managed-by': MANAGED_BY },
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      type: 'kubernetes.io/tls',
      data: Object.fromEntries(encoded) as Record<string, string>,
    } as Parameters<KubeClient['create']>[1];
  }
}
