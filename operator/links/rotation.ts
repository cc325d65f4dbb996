import type { Logger } from 'pino';
import { repeat, type Clock } from '../kube/clock.ts';
import { describeError } from '../kube/errors.ts';
import {
  afterStep,
  type Authorities,
  authoritiesOf,
  type AuthorityData,
  dataOf,
  dueStep,
  type RotationPlan,
  trusted,
} from './authorities.ts';
import { type Authority, createAuthority } from './authority.ts';

export interface StoredAuthorities {
  data: AuthorityData;
  version: string;
  /** By an annotation; a `replace` removes that. */
  revoked?: boolean;
}

/** The Secret with the authorities. */
export interface SecretStore {
  /** The content of the Secret, its version, and whether a user has revoked the authority. */
  read(): Promise<StoredAuthorities | undefined>;
  create(data: AuthorityData): Promise<'created' | 'exists'>;
  /** Writes only if the Secret is still at that version. */
  replace(data: AuthorityData, version: string): Promise<'replaced' | 'changed'>;
}

export interface RotationOptions {
  store: SecretStore;
  clock: Clock;
  logger: Pick<Logger, 'info' | 'error'>;
  plan?: Partial<RotationPlan & { checkMs: number }>;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const PLAN = {
  lifeMs: 365 * DAY_MS,
  spreadMs: DAY_MS,
  /** Interval of checks of the Secret and the wall clock, and so the delay of a revocation. */
  checkMs: 10_000,
};

/** Lifetime of the cached certificates for pods. For this long they may include an expired one. */
const TRUSTED_MS = 60_000;

/**
 * Replaces the authority before it expires. Pods get the certificate of the successor first, which signs only after they had
 * time to read it. Pods accept the former authority until it expires. So links open at all times. All processes follow the
 * Secret, but only the leader writes it.
 */
export class Rotation {
  readonly #options: RotationOptions;
  readonly #plan: typeof PLAN;
  readonly #listeners = new Set<() => void>();
  #authorities: Authorities;
  #leading: SecretStore | undefined;
  #checking: Promise<void> | undefined;
  #trusted: { of: Authorities; at: number; pem: string } | undefined;

  private constructor(options: RotationOptions, authorities: Authorities) {
    this.#options = options;
    this.#plan = { ...PLAN, ...options.plan };
    this.#authorities = authorities;
  }

  /**
   * Reads the Secret, or creates it if it is missing. Processes that start together get the same authority, because only one
   * of them can create it.
   *
   * @throws Error if the Secret holds no usable authority
   */
  static async start(options: RotationOptions): Promise<Rotation> {
    const { store, clock, plan } = options;
    const stored = await store.read();
    if (stored) return new Rotation(options, authoritiesOf(stored.data));
    const signing = await createAuthority(clock.now(), plan?.lifeMs ?? PLAN.lifeMs);
    const made = { signing, previous: [] };
    if ((await store.create(dataOf(made))) === 'created') return new Rotation(options, made);
    const others = await store.read();
    if (others) return new Rotation(options, authoritiesOf(others.data));
    throw new Error("The authority's Secret was deleted while it was being read; start again");
  }

  /** The signing authority. */
  signing = (): Authority => this.#authorities.signing;

  /** The certificates for pods, as PEM. Called at each reconcile, so certificates are parsed at most once a minute. */
  trusted = (): string => {
    const now = this.#options.clock.now();
    const known = this.#trusted;
    if (known?.of === this.#authorities && Math.abs(now - known.at) < TRUSTED_MS) return known.pem;
    const pem = trusted(this.#authorities, now);
    this.#trusted = { of: this.#authorities, at: now, pem };
    return pem;
  };

  /** Calls the listener when the signing authority or the certificates for pods change. @returns ends the subscription */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the Secret until the signal aborts. */
  follow(signal: AbortSignal): void {
    void repeat(this.#options.clock, this.#plan.checkMs, signal, () => this.check());
  }

  /**
   * Rotates until the signal aborts. Only the leader may call it.
   *
   * @param store refuses writes after the term
   */
  async lead(store: SecretStore, signal: AbortSignal): Promise<void> {
    this.#leading = store;
    signal.addEventListener(
      'abort',
      () => {
        if (this.#leading === store) this.#leading = undefined;
      },
      { once: true },
    );
    await this.check();
  }

  /** Reads the Secret, and takes the due steps if this process leads. Never rejects. */
  check(): Promise<void> {
    this.#checking ??= this.#check()
      .catch((error: unknown) =>
        this.#options.logger.error(describeError(error), 'Authority could not be checked'),
      )
      .finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  async #check(): Promise<void> {
    const store = this.#leading;
    if (store) return this.#rotate(store);
    const stored = await this.#options.store.read();
    if (stored && !stored.revoked) this.#read(stored.data);
  }

  /** Takes steps until none is due. The successor of an expired authority signs at once. */
  async #rotate(store: SecretStore): Promise<void> {
    while (this.#leading === store) {
      const stored = await store.read();
      if (!stored || stored.revoked) return this.#revoke(store, stored?.version);
      this.#read(stored.data);
      const now = this.#options.clock.now();
      const step = dueStep(this.#authorities, now, this.#plan);
      if (step === undefined) return;
      const successor = await createAuthority(now, this.#plan.lifeMs);
      const next = dataOf(afterStep(this.#authorities, step, now, successor));
      if ((await store.replace(next, stored.version)) === 'changed') return;
      this.#options.logger.info({ step }, 'Authority was rotated');
    }
  }

  /**
   * Replaces a revoked authority, whose key may be stolen: pods accept only the new one. Links drop when pods read the new
   * certificate, and open again.
   *
   * @param version of the Secret; undefined after its deletion
   */
  async #revoke(store: SecretStore, version: string | undefined): Promise<void> {
    const signing = await createAuthority(this.#options.clock.now(), this.#plan.lifeMs);
    const fresh = { signing, previous: [] };
    const data = dataOf(fresh);
    const outcome =
      version === undefined ? await store.create(data) : await store.replace(data, version);
    if (outcome === 'exists' || outcome === 'changed') return;
    this.#options.logger.info('Authority was revoked; pods get a new one');
    this.#adopt(fresh);
  }

  #read(data: AuthorityData): void {
    const known = dataOf(this.#authorities);
    const keys = new Set([...Object.keys(known), ...Object.keys(data)]);
    if ([...keys].some((key) => known[key] !== data[key])) this.#adopt(authoritiesOf(data));
  }

  #adopt(authorities: Authorities): void {
    this.#authorities = authorities;
    for (const listener of this.#listeners) listener();
  }
}
