import type { Clock } from '../guard/clock.ts';
import type { Rejection } from '../errors/rejection.ts';
import type { Granted, Nowhere, Refused, Route } from './pool/route.ts';
import { waitOutside } from './pause.ts';
import type { ModelRequest } from './request.ts';

/**
 * The way of a turn of the agent, whose client the runtime is, through a gate that is shut. It waits as clients of
 * /v1/messages do: for a gate of the provider that opens within clientPatience, and no longer than that altogether.
 */
export async function throughGates(
  answer: Granted | Refused | Nowhere,
  { request, route, clock }: { request: ModelRequest; route: Route; clock: Clock },
): Promise<Granted | Refused | Nowhere> {
  const { content, deadlineAt, signal } = request;
  const until = Math.min(deadlineAt, clock.now() + content.clientPatienceMs);
  let last = answer;
  while (last.kind === 'Refused' && isGate(last.rejection) && !signal.aborted) {
    const { retryAfterMs } = last.rejection;
    if (clock.now() + retryAfterMs > until) return last;
    const waited = waitOutside(request, clock, retryAfterMs);
    if (!(await (request.chat?.waits(last.dependency, waited) ?? waited))) return last;
    if (!signal.aborted) last = await route.first();
  }
  return last;
}

/** Whether the provider limits the rate, rather than a policy. Other gates open by somebody's doing. */
function isGate({ reason, limit }: Rejection): boolean {
  return reason === 'RateLimited' && limit === undefined;
}
