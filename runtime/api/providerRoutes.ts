import type { IncomingMessage } from 'node:http';

/** Methods that the provider's further routes take. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export type ProviderMethod = (typeof METHODS)[number];

/** The method of a request, if the provider may be asked with it. */
export function providerMethod({ method }: IncomingMessage): ProviderMethod | undefined {
  return METHODS.find((each) => each === method);
}

/**
 * The entry of spec.routes under which a request is passed on; undefined when there is none. A path that another
 * server may read as a different one is none of them.
 */
export function providerRoute(
  request: IncomingMessage,
  routes: readonly string[],
): string | undefined {
  if (routes.length === 0 || !providerMethod(request)) return undefined;
  const [path = ''] = (request.url ?? '').split('?', 1);
  if (!path.split('/').slice(1).every(isPlain)) return undefined;
  return routes.find((route) => path === route || path.startsWith(`${route}/`));
}

/** Whether a segment of a path means itself to every server. */
function isPlain(segment: string): boolean {
  try {
    const text = decodeURIComponent(segment);
    return !['', '.', '..'].includes(text) && !/[/\\]/.test(text);
  } catch {
    return false;
  }
}
