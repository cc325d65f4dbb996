import type { Failure } from '../errors/failure.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Denial } from './clients/allowance.ts';

/** Tells that a client may not do what it asked for; the answer that it gets. */
export function denied({ listener }: RequestTrace, { failure, resource, asset }: Denial): Failure {
  listener.denied({ ...failure, resource, asset });
  return failure;
}
