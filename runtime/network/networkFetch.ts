import { fetch } from 'undici';
import type { Agents } from './agents.ts';

/** fetch over the network settings in force. */
export function networkFetch(agents: Agents): typeof globalThis.fetch {
  return (url, init) => {
    const own = { ...init, dispatcher: agents.of() } as Parameters<typeof fetch>[1];
    return fetch(url as string, own);
  };
}
