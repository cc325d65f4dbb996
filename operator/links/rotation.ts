import type { Logger } from 'pino';
import type { Clock } from '../kube/clock.ts';
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

/** The one Secret that the authorities are kept in. */
export interface SecretStore {
  /** What it holds, which version of it this is, and whether somebody revoked it. */
  read(): Promise<StoredAuthorities | undefined>;
  create(data: AuthorityData): Promise<'created' | 'exists'>;
  /** Nothing is written when the Secret is no longer at that version. */
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
  /** How often the Secret and the wall clock are looked at, and so how soon a revocation is noticed. */
  checkMs: 10_000,
};

/** For how long pods may be told of a certificate that has expired meanwhile. */
const TRUSTED_MS = 60_000;

/**
 * Replaces the authority before it expires. The successor is made known to pods first and signs only
 * when they had time to read it, and pods know the one before until it expires: so whatever mix of
 * certificates and pods there is meanwhile, every link opens. All processes follow the Secret; only the
 * leader writes it.
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
   * Reads the Secret, and makes it first when there is none. Processes that start together end with
   * the same authority, since only one of them can create it.
   *
   * @throws Error when the Secret does not hold a usable authority
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

  /** The one that signs. */
  signing = (): Authority => this.#authorities.signing;

  /** What pods are to know, as PEM. Asked at each reconcile, so certificates are read once a minute at most. */
  trusted = (): string => {
    const now = this.#options.clock.now();
    const known = this.#trusted;
    if (known?.of === this.#authorities && Math.abs(now - known.at) < TRUSTED_MS) return known.pem;
    const pem = trusted(this.#authorities, now);
    this.#trusted = { of: this.#authorities, at: now, pem };
    return pem;
  };

  /** Calls the listener when another one signs or pods are to know another; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Follows the Secret until the signal aborts. */
  follow(signal: AbortSignal): void {
    let cancel = (): void => undefined;
    const next = (): void => {
      if (signal.aborted) return;
      cancel = this.#options.clock.after(this.#plan.checkMs, () => void this.check().then(next));
    };
    signal.addEventListener('abort', () => cancel(), { once: true });
    next();
  }

  /**
   * Rotates until the signal aborts, as only the leader may.
   *
   * @param store one that refuses to write when the term is over
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

  /** Takes over what the Secret holds, and does what is due if this process leads. Never rejects. */
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

  /** Step by step until nothing is due: after one that has expired, the successor signs at once. */
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
   * The key may be stolen: pods are to know a new authority and no other. Links drop as pods read its certificate, and
   * open again with it.
   *
   * @param version of the Secret; undefined when it was deleted
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
