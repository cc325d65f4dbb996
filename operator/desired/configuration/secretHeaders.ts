import type { SecretHeader } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';

type Tool = NonNullable<AgentDeployment['spec']['tools']>[number];
export type HeadersFrom = NonNullable<Tool['http']['headersFrom']>;

export interface SecretKeyRef {
  name: string;
  key: string;
}

/** Request headers with the files of their values. */
export function secretHeaders(headers: HeadersFrom = []): SecretHeader[] {
  return headers.map(({ name, prefix, secretKeyRef }) => ({
    name,
    ...(prefix === undefined || prefix === '' ? {} : { prefix }),
    credential: secretFile(secretKeyRef),
  }));
}

/** The file of a Secret's key. */
export function secretFile({ name, key }: SecretKeyRef): SecretHeader['credential'] {
  return { path: `${secretDirectory(name)}/${key}`, secret: name, key };
}

export function secretDirectory(secret: string): string {
  return `${MOUNTS.headers}/${secret}`;
}
