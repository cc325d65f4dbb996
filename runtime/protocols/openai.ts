/** What Chat Completions and Responses have in common besides their requests and answers. */
import type { ModelRoute, Protocol } from './protocol.ts';
import { errorBody } from './openaiErrors.ts';

/** Path of one model by its id, which may contain slashes, but nothing that leads elsewhere. */
const MODEL = /^\/v1\/models\/[A-Za-z0-9][\w.:@-]*(?:(?:\/|%2[Ff])[A-Za-z0-9][\w.:@-]*)*$/;

/** The route of a request among these. */
export function routeAmong(
  routes: readonly ModelRoute[],
  method: string | undefined,
  path: string,
): ModelRoute | undefined {
  const named = MODEL.test(path) ? '/v1/models' : path;
  return routes.find((each) => each.route === named && each.method === method);
}

/** What both protocols answer alike. Screens read neither; the operator refuses them for such agents. */
export const COMMON = {
  vendor: 'OpenAI',
  newestTurn: () => undefined,
  answerText: () => ({ event: () => '' }),
  textOverBlocks: () => Promise.resolve(''),
  // A comment, which every client of server-sent events skips.
  ping: Buffer.from(': ping\n\n'),
  isPing: () => false,
  errorBody,
} satisfies Partial<Protocol>;
