import type { Failure } from '../errors/failure.ts';

/** How a request to the agent ended: answered by the endpoint, by us, by another pod, or not at all. */
export interface Served {
  reason: Failure['reason'] | 'None' | 'UpstreamError' | 'ClientGone' | 'Forwarded';
  failed: boolean;
}
