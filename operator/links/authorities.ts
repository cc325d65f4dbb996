import { type Authority, type KeyPair, problemOf, validityOf } from './authority.ts';

/** The operator's authorities: one that signs, perhaps its successor, and certificates of those before. */
export interface Authorities {
  signing: Authority;
  /** Known to pods already, so that it can sign from a moment to the next. */
  next?: Authority;
  /** Certificates only, newest first; pods still take what they signed. */
  previous: string[];
}

/** The authorities as a Secret of type kubernetes.io/tls holds them: PEM, before base64. */
export type AuthorityData = Record<string, string>;

export interface RotationPlan {
  /** How long a new authority is valid. Its successor is made when two thirds of that are over. */
  lifeMs: number;
  /** How long a successor is only known to pods before it signs: every pod must have read it by then. */
  spreadMs: number;
}

export type RotationStep =
  /** Make a successor and let pods know it. */
  | 'Prepare'
  /** The successor signs from now on. */
  | 'Promote'
  /** Forget what has expired. */
  | 'Prune';

const SUCCESSOR_AFTER = 2 / 3;

/** What is due, one step at a time; undefined when nothing is. `now` in milliseconds since the epoch. */
export function dueStep(
  { signing, next, previous }: Authorities,
  now: number,
  { spreadMs }: RotationPlan,
): RotationStep | undefined {
  const { issuedAt, expiresAt } = validityOf(signing.certificate);
  if (next) {
    const known = now >= validityOf(next.certificate).issuedAt + spreadMs;
    // Nobody takes what an expired one signs, so there is nothing to wait for.
    if (known || now >= expiresAt) return 'Promote';
  } else if (now >= issuedAt + (expiresAt - issuedAt) * SUCCESSOR_AFTER) return 'Prepare';
  return previous.some((certificate) => hasExpired(certificate, now)) ? 'Prune' : undefined;
}

/**
 * The authorities after a step.
 *
 * @param successor what Prepare takes as the next one
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

/** Certificates of all whose signatures pods are to take, as PEM, the oldest first. */
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

/** @throws Error when the Secret does not hold a usable authority; it says what to do */
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
