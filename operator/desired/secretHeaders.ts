import { createHash } from 'node:crypto';
import type { SecretHeader } from '../../contract/generated/types.ts';
import { MOUNTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { Volume } from './objects.ts';
import { byText } from './wording.ts';

type Tool = NonNullable<AgentDeployment['spec']['tools']>[number];
export type HeadersFrom = NonNullable<Tool['http']['headersFrom']>;

export interface SecretKeyRef {
  name: string;
  key: string;
}

/** A Secret's keys, mounted for headers of requests and other uses. */
export interface HeaderMount {
  volume: Volume;
  directory: string;
}

/** Request headers with the places where their values are mounted. */
export function secretHeaders(headers: HeadersFrom = []): SecretHeader[] {
  return headers.map(({ name, prefix, secretKeyRef: { name: secret, key } }) => ({
    name,
    ...(prefix === undefined || prefix === '' ? {} : { prefix }),
    credential: secretFile({ name: secret, key }),
  }));
}

/** Where a key of a Secret is mounted. */
export function secretFile({ name, key }: SecretKeyRef): SecretHeader['credential'] {
  return { path: `${directoryOf(name)}/${key}`, secret: name, key };
}

/**
 * One volume for each Secret that headers and passwords come from, with the keys that are used. Optional, so that one which is
 * missing keeps no pod from starting.
 */
export function secretMounts(refs: readonly SecretKeyRef[]): HeaderMount[] {
  const bySecret = Map.groupBy(refs, ({ name }) => name);
  return [...bySecret]
    .sort(([a], [b]) => byText(a, b))
    .map(([secretName, uses]) => {
      const keys = [...new Set(uses.map(({ key }) => key))].sort(byText);
      const items = keys.map((key) => ({ key, path: key }));
      return {
        volume: { name: volumeOf(secretName), secret: { secretName, optional: true, items } },
        directory: directoryOf(secretName),
      };
    });
}

function directoryOf(secret: string): string {
  return `${MOUNTS.headers}/${secret}`;
}

/** A Secret's name may be longer than a volume's, and hold dots. */
function volumeOf(secret: string): string {
  return `header-${createHash('sha256').update(secret).digest('hex').slice(0, 16)}`;
}
