import { type Authority, type KeyPair, problemOf, validityOf } from './authority.ts';

/** The operator's authorities: one that signs, perhaps its successor, and certificates of former ones. */
export interface Authorities {
  signing: Authority;
  /** Pods know it already, so that it can take over at any time. */
  next?: Authority;
  /** Certificates only, newest first. Pods still accept what these authorities signed. */
  previous: string[];
}

/** The authorities as a Secret of type kubernetes.io/tls holds them: PEM, before base64. */
export type AuthorityData = Record<string, string>;

export interface RotationPlan {
  /** Lifetime of a new authority. Its successor is made after two thirds of it. */
  lifeMs: number;
  /** Time between making a successor and its first signature, in which every pod must read its certificate. */
  spreadMs: number;
}

export type RotationStep =
  /** Make a successor and publish its certificate to pods. */
  | 'Prepare'
  /** The successor signs from now on. */
  | 'Promote'
  /** Forget what has expired. */
  | 'Prune';

const SUCCESSOR_AFTER = 2 / 3;

/** The next due step; undefined if none is due. @param now milliseconds since 1970 */
export function dueStep(
  { signing, next, previous }: Authorities,
  now: number,
  { spreadMs }: RotationPlan,
): RotationStep | undefined {
  const { issuedAt, expiresAt } = validityOf(signing.certificate);
  if (next) {
    const known = now >= validityOf(next.certificate).issuedAt + spreadMs;
    // Pods reject signatures of an expired authority, so waiting is useless.
    if (known || now >= expiresAt) return 'Promote';
  } else if (now >= issuedAt + (expiresAt - issuedAt) * SUCCESSOR_AFTER) return 'Prepare';
  return previous.some((certificate) => hasExpired(certificate, now)) ? 'Prune' : undefined;
}

/**
 * The authorities after a step.
 *
 * @param successor the new authority for Prepare
 */
export function afterStep(
  { signing, next, previous }: Authorities,
  step: RotationStep,
  now: number,
  successor: Authority,
): Authorities {
  const before = previous.filter((certificate) => !hasExpired(certificate, now));
  if (step === 'Prepare') return { signing, next: successor, previous: before };
  if (step === 'Promote' && next) {
    return { signing: next, previous: [signing.certificate, ...before] };
  }
  return { signing, ...(next && { next }), previous: before };
}

/** Certificates of all authorities that pods accept, as PEM, the oldest first. */
export function trusted({ signing, next, previous }: Authorities, now: number): string {
  const all = [signing.certificate, ...(next ? [next.certificate] : []), ...previous]
    .filter((certificate) => certificate === signing.certificate || !hasExpired(certificate, now))
    .map((certificate) => ({ certificate, ...validityOf(certificate) }))
    .sort((a, b) => a.expiresAt - b.expiresAt || (a.certificate < b.certificate ? -1 : 1));
  return all.map(({ certificate }) => `${certificate.trim()}\n`).join('');
}

export function dataOf({ signing, next, previous }: Authorities): AuthorityData {
  return {
    'tls.crt': signing.certificate,
    'tls.key': signing.key,
    ...(next && { 'next.crt': next.certificate, 'next.key': next.key }),
    ...(previous.length > 0 && {
      'previous.crt': previous.map((pem) => `${pem.trim()}\n`).join(''),
    }),
  };
}

/** @throws Error that says what to do, if the Secret holds no usable authority */
export function authoritiesOf(data: AuthorityData): Authorities {
  const signing = pairOf(data, 'tls');
  const next = 'next.crt' in data ? pairOf(data, 'next') : undefined;
  const previous = data['previous.crt']?.match(CERTIFICATES) ?? [];
  return { signing, ...(next && { next }), previous: previous.map((pem) => `${pem}\n`) };
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

function pairOf(data: AuthorityData, name: 'tls' | 'next'): KeyPair {
  const pair = { certificate: data[`${name}.crt`] ?? '', key: data[`${name}.key`] ?? '' };
  const problem = problemOf(pair);
  if (problem === undefined) return pair;
  throw new Error(
    `The authority's Secret cannot be used: in ${name}.crt and ${name}.key, ${problem}. Delete the Secret, and a new one is made`,
  );
}

function hasExpired(certificate: string, now: number): boolean {
  return validityOf(certificate).expiresAt <= now;
}
