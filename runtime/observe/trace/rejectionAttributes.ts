import type { Rejection } from '../../errors/rejection.ts';
import { ATTRIBUTES } from './names.ts';
import type { Attributes } from '../../../tracing/span.ts';

/** Attributes of the event of a rejection. */
export function rejectionAttributes(rejection: Rejection): Attributes {
  const { reason, target, policy, limit, retryAfterMs } = rejection;
  return {
    [ATTRIBUTES.reason]: reason,
    [ATTRIBUTES.target]: target,
    [ATTRIBUTES.policy]: policy,
    [ATTRIBUTES.limit]: limit,
    [ATTRIBUTES.retryAfterMs]: retryAfterMs,
  };
}
