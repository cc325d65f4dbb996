import type { IncomingMessage } from 'node:http';

/** Methods of the provider's other routes. */
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

export type ProviderMethod = (typeof METHODS)[number];

/** The method of a request if it may be forwarded. */
export function providerMethod({ method }: IncomingMessage): ProviderMethod | undefined {
  return METHODS.find((each) => each === method);
}

/**
 * The entry of spec.routes that matches a request; undefined if none does. A path that servers could read differently
 * matches none.
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

/** Whether every server reads a segment of a path the same way. */
function isPlain(segment: string): boolean {
  try {
    const text = decodeURIComponent(segment);
    return !['', '.', '..'].includes(text) && !/[/\\]/.test(text);
  } catch {
    return false;
  }
}
