import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { RawHeaders } from '../../model/transport/headers.ts';

/** Who asks. */
export interface Client {
  /** What tells callers apart, in limits and in the cache; empty for nobody in particular. */
  principal: string;
  /** What logs call it: a name that the operator of the agent gave, or a hash. Absent: nobody in particular. */
  name?: string;
  /** Its headers without the credential that the agent itself has checked. */
  headers: RawHeaders;
}

/** Everybody, where nobody is checked. */
export function anybody({ rawHeaders }: IncomingMessage): Client {
  return { principal: '', headers: rawHeaders };
}

/** A credential as it was shown, and the header that it was in. */
export interface Shown {
  header: 'authorization' | 'x-api-key';
  credential: string;
}

const BEARER = /^bearer +(\S+) *$/i;

/** The credential to be checked: a bearer token or else an API key. */
export function shownIn(headers: IncomingHttpHeaders): Shown | undefined {
  const { authorization = '' } = headers;
  const token = BEARER.exec(authorization)?.[1];
  if (token !== undefined) return { header: 'authorization', credential: token };
  const key = headers['x-api-key'];
  if (typeof key !== 'string' || key === '') return undefined;
  return { header: 'x-api-key', credential: key };
}

/** The headers but for those of that name. */
export function withoutHeader(raw: RawHeaders, name: string): string[] {
  return raw.filter((_, i) => raw[i - (i % 2)]!.toLowerCase() !== name);
}

/** A name for logs that does not tell whose it is. */
export function hashedName(subject: string): string {
  return createHash('sha256').update(subject).digest('hex').slice(0, 16);
}
