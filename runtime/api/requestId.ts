import type { ServerResponse } from 'node:http';
import { newRequestId } from '../errors/failure.ts';

const ids = new WeakMap<ServerResponse, string>();

/** Id of the request that is answered so: in the answers that the runtime makes itself, and in each line about it. */
export function requestIdOf(response: ServerResponse): string {
  let id = ids.get(response);
  if (id === undefined) ids.set(response, (id = newRequestId()));
  return id;
}
