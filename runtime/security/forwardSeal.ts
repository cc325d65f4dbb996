import { createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

export interface ForwardSealDeps {
  /** Wall clock, in milliseconds. */
  now: () => number;
  /** What all pods of the agent hold and its clients do not: its key at a provider. */
  secret: () => string | undefined;
}

/** For how long a seal is valid, either way: pods' clocks differ. */
const VALID_MS = 60_000;
/** A shorter secret could be guessed. */
const LEAST_SECRET = 16;

const UNSEALED = '1';
const SEALED = /^(\d{13}) ([\da-f.:]{2,45}) ([\w-]{43})$/i;

/**
 * Tells a sibling from which address a forwarded request came, so that responses to attacks meet the client and not the
 * pod that forwards. An HMAC (RFC 2104) by the agent's own key shows that a pod of the agent says so.
 */
export class ForwardSeal {
  readonly #deps: ForwardSealDeps;

  constructor(deps: ForwardSealDeps) {
    this.#deps = deps;
  }

  /** The value of the header for a request from an address. Without a secret it says only that a pod forwards. */
  seal(address: string | undefined): string {
    const secret = this.#secret();
    if (secret === undefined || address === undefined) return UNSEALED;
    const said = `${Math.floor(this.#deps.now())} ${address}`;
    return `${said} ${macOf(secret, said)}`;
  }

  /** The address that a sibling has sealed; undefined for anything else. */
  open(value: string | string[] | undefined): string | undefined {
    const parts = typeof value === 'string' ? SEALED.exec(value) : null;
    const secret = parts && this.#secret();
    if (!parts || !secret) return undefined;
    const [, time, address, mac] = parts as unknown as [string, string, string, string];
    if (isIP(address) === 0 || Math.abs(this.#deps.now() - Number(time)) > VALID_MS)
      return undefined;
    const expected = macOf(secret, `${time} ${address}`);
    return timingSafeEqual(Buffer.from(mac), Buffer.from(expected)) ? address : undefined;
  }

  #secret(): string | undefined {
    const secret = this.#deps.secret();
    return secret !== undefined && secret.length >= LEAST_SECRET ? secret : undefined;
  }
}

function macOf(secret: string, said: string): string {
  return createHmac('sha256', secret).update(`breakwater forwarded ${said}`).digest('base64url');
}
