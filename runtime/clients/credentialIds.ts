import { createHmac, randomBytes } from 'node:crypto';

/** Length of an id, in hexadecimal digits. */
const DIGITS = 8;

/**
 * Ids of credentials that were not accepted. One credential has the same id for as long as the process runs. The key is
 * forgotten with the process, so that no id tells what a client showed.
 */
export class CredentialIds {
  readonly #key = randomBytes(32);

  of(credential: string): string {
    return createHmac('sha256', this.#key).update(credential).digest('hex').slice(0, DIGITS);
  }
}
