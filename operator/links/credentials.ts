import type { Logger } from 'pino';
import { OPERATOR_COMMON_NAME } from '../../contract/link.ts';
import { repeat, type Clock } from '../kube/clock.ts';
import { describeError } from '../kube/errors.ts';
import { type Authority, type ClientCredentials, issueClientCertificate } from './authority.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const LIFE_MS = 30 * DAY_MS;
/** Certificates are renewed after this fraction of their lifetime. */
const RENEW_AFTER = 2 / 3;
/** Interval of checks of the wall clock. A timer of 20 days would not count the suspension of a machine. */
const CHECK_MS = DAY_MS / 24;

export interface CredentialsOptions {
  /** Returns the signing authority. */
  authority: () => Authority;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'error'>;
  /** Lifetime of a certificate. Default 30 days. */
  lifeMs?: number;
  /** Interval of checks. Default: an hour. */
  checkMs?: number;
}

/**
 * The operator's client certificate, in memory only. It is renewed before it expires and when another authority signs.
 * Open links keep the certificate with which they were opened.
 */
export class Credentials {
  readonly #options: CredentialsOptions;
  readonly #lifeMs: number;
  #current: ClientCredentials;
  #issuer: Authority;

  private constructor(options: CredentialsOptions, issuer: Authority, first: ClientCredentials) {
    this.#options = options;
    this.#lifeMs = options.lifeMs ?? LIFE_MS;
    this.#issuer = issuer;
    this.#current = first;
  }

  /** Issues the first certificate. */
  static async issue(options: CredentialsOptions): Promise<Credentials> {
    const issuer = options.authority();
    return new Credentials(options, issuer, await issue(issuer, options));
  }

  /** The current certificate. */
  current(): ClientCredentials {
    return this.#current;
  }

  /** Keeps the certificate fresh until the signal aborts. */
  run(signal: AbortSignal): void {
    const { clock, checkMs = CHECK_MS } = this.#options;
    void repeat(clock, checkMs, signal, () => this.check());
  }

  /** Renews the certificate if it is due or if another authority signs. Never rejects. */
  async check(): Promise<void> {
    const { authority, clock, logger } = this.#options;
    const issuer = authority();
    const left = this.#current.expiresAt - clock.now();
    const same = issuer.certificate === this.#issuer.certificate;
    if (same && left > this.#lifeMs * (1 - RENEW_AFTER)) return;
    try {
      this.#current = await issue(issuer, this.#options);
      this.#issuer = issuer;
      logger.info({ expiresAt: this.#current.expiresAt }, 'Client certificate was renewed');
    } catch (error) {
      logger.error(describeError(error), 'Client certificate could not be renewed');
    }
  }
}

const issue = (
  authority: Authority,
  { clock, lifeMs = LIFE_MS }: CredentialsOptions,
): Promise<ClientCredentials> =>
  issueClientCertificate(authority, {
    commonName: OPERATOR_COMMON_NAME,
    lifeMs,
    now: clock.now(),
  });
