import { anthropicMessages } from './anthropicMessages.ts';
import { openaiChat } from './openaiChat.ts';
import { openaiResponses } from './openaiResponses.ts';
import type { ModelRoute, Protocol } from './protocol.ts';

/** What one agent speaks. The first protocol where a request does not show its own. */
export type Protocols = readonly [Protocol, ...Protocol[]];

const MESSAGES: Protocols = [anthropicMessages];
const OPENAI: Protocols = [openaiChat, openaiResponses];

/** All protocols. */
export const PROTOCOLS: Protocols = [...MESSAGES, ...OPENAI];

/** The protocols of an agent whose first endpoint is this; undefined: it has no configuration yet. */
export function protocolsOf(endpoint: { provider: string } | undefined): Protocols {
  return endpoint?.provider === 'OpenAI' ? OPENAI : MESSAGES;
}

/** Whether the agent's own routes of conversations are among its routes: their turns are messages of the Messages API. */
export function holdsConversations(protocols: Protocols): boolean {
  return protocols === MESSAGES;
}

/** The route of a request by its method and URL; undefined if none of the protocols has it. */
export function modelRoute(
  protocols: Protocols,
  method: string | undefined,
  url = '',
): ModelRoute | undefined {
  const [path = ''] = url.split('?', 1);
  for (const protocol of protocols) {
    const found = protocol.route(method, path);
    if (found) return found;
  }
  return undefined;
}

/** The protocol in which to refuse a request that has no route here: its own, else the agent's. */
export function refusingProtocol(
  protocols: Protocols,
  { method, url }: { method?: string; url?: string },
): Protocol {
  return modelRoute(PROTOCOLS, method, url)?.protocol ?? protocols[0];
}
