import type { Failure } from '../errors/failure.ts';
import type { RequestTrace } from '../observe/trace/requestTrace.ts';
import type { Denial } from './clients/allowance.ts';

/** Reports the denial and returns its answer. */
export function denied({ listener }: RequestTrace, { failure, resource, asset }: Denial): Failure {
  listener.denied({ ...failure, resource, asset });
  return failure;
}
