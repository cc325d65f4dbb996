import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CryptoKey, JWK } from 'jose';
import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { sendJson } from '../../cli/simulator/json.ts';

/** An issuer of JSON Web Tokens on this machine, with a URL for its public keys. */
export class Issuer {
  readonly #host: string;
  readonly #server: Server;
  #published: JWK[] = [];
  #key: { private: CryptoKey; id: string } | undefined;

  private constructor(host: string) {
    this.#host = host;
    this.#server = createServer((_, response) =>
      sendJson(response, 200, { keys: this.#published }),
    );
  }

  /** `host` is the address at which pods find it. */
  static async start(host: string): Promise<Issuer> {
    const issuer = new Issuer(host);
    await issuer.rotate('first');
    await new Promise<void>((resolve) => issuer.#server.listen(0, host, resolve));
    return issuer;
  }

  /** URL of the public keys. */
  get url(): string {
    return `http://${this.#host}:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  /** Replaces the key that signs tokens. */
  async rotate(id: string): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256');
    this.#published = [{ ...(await exportJWK(publicKey)), kid: id, alg: 'ES256' }];
    this.#key = { private: privateKey, id };
  }

  /** A token that is valid for an hour. */
  token(claims: { iss: string; aud: string; sub: string }): Promise<string> {
    const { id, private: key } = this.#key!;
    const token = new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: id });
    return token.setExpirationTime('1h').sign(key);
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
