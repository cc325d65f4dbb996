/** What Chat Completions and Responses have in common besides their requests and answers. */
import { OpenAIMeter, tracedAnswer } from './openaiAnswer.ts';
import type { AnswerForm } from './openaiAnswer.ts';
import { errorBody } from './openaiErrors.ts';
import { bodyFor, cacheUse, membersOf, promptTexts, readRequest } from './openaiRequest.ts';
import type { RequestForm } from './openaiRequest.ts';
import type { ModelRoute, Protocol } from './protocol.ts';

/** Path of one model by its id, which may contain slashes, but nothing that leads elsewhere. */
const MODEL = /^\/v1\/models\/[A-Za-z0-9][\w.:@-]*(?:(?:\/|%2[Ff])[A-Za-z0-9][\w.:@-]*)*$/;

/** The route of a request among these. */
function routeAmong(
  routes: readonly ModelRoute[],
  method: string | undefined,
  path: string,
): ModelRoute | undefined {
  const named = MODEL.test(path) ? '/v1/models' : path;
  return routes.find((each) => each.route === named && each.method === method);
}

/** What differs between the protocols. */
type Own = Pick<
  Protocol,
  'served' | 'tracedRequest' | 'streamEnd' | 'errorEventOf' | 'errorEvent'
> & { request: RequestForm; answer: AnswerForm; routes: () => readonly ModelRoute[] };

/** Makes a protocol. Screens read neither; the operator refuses them for such agents. */
export function openaiProtocol({ request: form, answer, routes, ...own }: Own): Protocol {
  return {
    ...own,
    vendor: 'OpenAI',
    // Routes name their protocol, which does not exist yet.
    get routes() {
      return routes();
    },
    route: (method, path) => routeAmong(routes(), method, path),
    tokenBound: form.bounds[0],
    members: membersOf(form),
    read: (body, scanned) => readRequest(form, body, scanned),
    bodyFor: (request, endpoint) => bodyFor(form, request, endpoint),
    cacheUse,
    promptTexts: (body, members) => promptTexts(form, body, members),
    meter: (...args) => new OpenAIMeter(answer, ...args),
    tracedAnswer,
    newestTurn: () => undefined,
    answerText: () => ({ event: () => '' }),
    textOverBlocks: () => Promise.resolve(''),
    // A comment, which every client of server-sent events skips.
    ping: Buffer.from(': ping\n\n'),
    isPing: () => false,
    errorBody,
  };
}
