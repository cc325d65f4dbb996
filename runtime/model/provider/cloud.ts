/** Clouds that serve the Messages API at addresses of their own, and sign or check requests in their own way. */
import type { RemoteContext } from '../../../tracing/span.ts';
import type { Edit } from '../../json/scan.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';
import { cloudError, shownError } from './cloudErrors.ts';
import { obstacleOf } from './obstacle.ts';
import type { RouteKind, Takes } from './obstacle.ts';
import type { EndpointRequest, EndpointTarget, Provider } from './provider.ts';
import { directRequest } from './request.ts';
import { NO_LIMITS } from './retryAfter.ts';
import { signature } from './signature.ts';

export interface Cloud {
  routes: readonly RouteKind[];
  maxBodyBytes: number;
  /** The service in signatures of AWS; absent: it takes none. */
  service?: string;
  /** Changes of the body that the cloud needs. */
  edits?: (request: EndpointRequest) => readonly Edit[];
}

export const MiB = 1024 * 1024;
/** Where a cloud documents no size of its own. */
export const USUAL_BODY_BYTES = 32 * MiB;

/** The provider that a cloud is. */
export function cloudProvider({ routes, maxBodyBytes, service, edits }: Cloud): Provider {
  const takes: Takes = { routes: new Set(routes), maxBodyBytes };
  return {
    obstacle: (asked, endpoint) => obstacleOf(asked, endpoint, takes),
    request: (asked, to, context) => cloudRequest(asked, to, edits?.(asked), context),
    ...(service !== undefined && {
      sign: (request, { endpoint: { region = '' }, credentials }, date) =>
        credentials?.kind === 'aws'
          ? signature(request, credentials, { service, region }, date)
          : [],
    }),
    error: cloudError,
    shown: shownError,
    limits: () => NO_LIMITS,
  };
}

function cloudRequest(
  asked: EndpointRequest,
  to: EndpointTarget,
  edits?: readonly Edit[],
  context?: RemoteContext,
): UpstreamRequest {
  return directRequest(asked, ofCloud(to), { context, edits, drops: isOfClient });
}

/** Headers that a client could use to act as someone else at a cloud. */
const OF_CLIENT = /^(?:authorization|x-api-key|anthropic-workspace-id|x-(?:amz|goog)-.*)$/;

export const isOfClient = (name: string): boolean => OF_CLIENT.test(name);

/** The agent's own headers, with the workspace that the endpoint names. */
function ofCloud(to: EndpointTarget): EndpointTarget {
  const { workspace } = to.endpoint;
  if (workspace === undefined) return to;
  return { ...to, headers: [...(to.headers ?? []), ['anthropic-workspace-id', workspace]] };
}
