import { CONTRACT_VERSION } from './link.ts';

/** Translates messages between this version of the contract and the previous one. */
export interface Earlier {
  /** Translates to the previous version; undefined if that version has no such message. */
  older(message: object): object | undefined;
  /** Translates from the previous version. May throw for a malformed message. */
  newer(message: object): unknown;
}

/** The versions of the contract that one build speaks: its own, and with `earlier` the previous one. */
export interface Contract {
  version: number;
  earlier?: Earlier;
}

/** The contract of this build. Version 1 has no previous version. */
export const CONTRACT: Contract = { version: CONTRACT_VERSION };

/** Writes and reads the messages of one link in the version that both sides speak. */
export interface Dialect {
  version: number;
  /** Translates JSON of our message to the peer's version; undefined if that version has no such message. */
  write(text: string): string | undefined;
  /** Translates a parsed message of the peer to our version; undefined for a malformed one. */
  read(message: unknown): unknown;
}

/** WebSocket subprotocol of a version. The sides choose a version by it before the first message. */
const protocolOf = (version: number): string => `breakwater.v${version}`;

/** Subprotocols that the operator offers, latest first. */
export function protocolsOf({ version, earlier }: Contract): string[] {
  return [version, ...(earlier ? [version - 1] : [])].map(protocolOf);
}

/** The latest offered subprotocol that this build speaks. */
export function chosenProtocol(offered: Iterable<string>, contract: Contract): string | undefined {
  const all = new Set(offered);
  return protocolsOf(contract).find((protocol) => all.has(protocol));
}

/** `protocol`: the subprotocol that both sides agreed on. */
export function dialectOf(protocol: string, { version, earlier }: Contract): Dialect {
  if (!earlier || protocol !== protocolOf(version - 1)) {
    return { version, write: (text) => text, read: (message) => message };
  }
  return {
    version: version - 1,
    write: (text) => {
      const older = earlier.older(JSON.parse(text) as object);
      return older && JSON.stringify(older);
    },
    read: (message) => {
      if (typeof message !== 'object' || message === null) return undefined;
      try {
        return earlier.newer(message);
      } catch {
        return undefined;
      }
    },
  };
}
