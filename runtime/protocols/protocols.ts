import { anthropicMessages } from './anthropicMessages.ts';
import type { ModelRoute, Protocol } from './protocol.ts';

/** All protocols. The first one is spoken where a request does not show its own. */
export const PROTOCOLS: readonly [Protocol, ...Protocol[]] = [anthropicMessages];

/** The protocol of a request, by its method and URL. */
export function protocolOf({ method, url }: { method?: string; url?: string }): Protocol {
  return modelRoute(method, url)?.protocol ?? PROTOCOLS[0];
}

/** The route of a request by its method and URL; undefined if no protocol has it. */
export function modelRoute(method: string | undefined, url = ''): ModelRoute | undefined {
  const [path = ''] = url.split('?', 1);
  for (const protocol of PROTOCOLS) {
    const found = protocol.route(method, path);
    if (found) return found;
  }
  return undefined;
}
