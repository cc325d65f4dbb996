import { CONTRACT_VERSION } from './link.ts';

/** Translates messages between this version of the contract and the one before. */
export interface Earlier {
  /** A message of this version as the version before has it; undefined: it has nothing like it. */
  older(message: object): object | undefined;
  /** A message of the version before as this version has it. It may throw for one that is malformed. */
  newer(message: object): unknown;
}

/** The versions of the contract that one build speaks: its own, and the one before as long as `earlier` is there. */
export interface Contract {
  version: number;
  earlier?: Earlier;
}

/** Of this build. Version 1 is the first, so that there is none before it. */
export const CONTRACT: Contract = { version: CONTRACT_VERSION };

/** What is said and heard over one link, in the version that both sides speak. */
export interface Dialect {
  version: number;
  /** JSON of one of our messages as the peer takes it; undefined: the peer's version has nothing like it. */
  write(text: string): string | undefined;
  /** A message of the peer, parsed, as this build has it; undefined for one that is malformed. */
  read(message: unknown): unknown;
}

/** WebSocket subprotocol of a version. The sides choose a version by it before the first message. */
const protocolOf = (version: number): string => `breakwater.v${version}`;

/** What the operator offers: the latest first. */
export function protocolsOf({ version, earlier }: Contract): string[] {
  return [version, ...(earlier ? [version - 1] : [])].map(protocolOf);
}

/** The latest of the offered subprotocols that this build speaks. */
export function chosenProtocol(offered: Iterable<string>, contract: Contract): string | undefined {
  const all = new Set(offered);
  return protocolsOf(contract).find((protocol) => all.has(protocol));
}

/** @param protocol that both sides agreed on */
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
