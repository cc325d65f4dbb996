/** Claude at Google's Vertex AI: the model is in the path, the version of the API in the body. */
import type { RemoteContext } from '../../../tracing/span.ts';
import { memberStart } from '../../json/scan.ts';
import type { Edit } from '../../json/scan.ts';
import { headerValue } from '../transport/headers.ts';
import type { UpstreamRequest } from '../transport/upstream.ts';
import { MiB, cloudProvider, isOfClient } from './cloud.ts';
import { modelAt } from './models.ts';
import { routeKind } from './obstacle.ts';
import type {
  AskedRequest,
  EndpointRequest,
  EndpointTarget,
  Obstacle,
  Provider,
} from './provider.ts';
import { directRequest } from './request.ts';

const cloud = cloudProvider({ routes: ['Messages', 'CountTokens'], maxBodyBytes: 30 * MiB });

export const vertex: Provider = { ...cloud, obstacle, request };

/** An id that is one segment of a path. */
const PLAIN_ID = /^[\w@-][\w.@-]*$/;

function obstacle(asked: AskedRequest, endpoint: EndpointTarget['endpoint']): Obstacle | undefined {
  const found = cloud.obstacle(asked, endpoint);
  if (found === 'Route' || found === 'Size') return found;
  return PLAIN_ID.test(modelAt(endpoint, asked.model)) && asked.model !== '' ? found : 'Model';
}

function request(
  asked: EndpointRequest,
  to: EndpointTarget,
  context?: RemoteContext,
): UpstreamRequest {
  const { region = '', project = '' } = to.endpoint;
  const { method, model } = pathOf(asked, modelAt(to.endpoint, asked.model));
  const path =
    `/v1/projects/${project}/locations/${region}/publishers/anthropic/models/` +
    `${model}:${method}`;
  const edits = versionIn(asked);
  return directRequest(asked, to, { path, context, edits, drops: isOfClient });
}

function pathOf(asked: EndpointRequest, model: string): { model: string; method: string } {
  if (routeKind(asked) === 'CountTokens') return { model: 'count-tokens', method: 'rawPredict' };
  return { model, method: asked.stream ? 'streamRawPredict' : 'rawPredict' };
}

const FIRST_VERSION = '2023-06-01';
const FIRST_VERSION_AT_VERTEX = 'vertex-2023-10-16';

/** The version takes the place of the model, which only a count of tokens keeps. */
function versionIn(asked: EndpointRequest): readonly Edit[] {
  const model = asked.members?.get('model');
  if (!model) return [];
  const stated = headerValue(asked.headers, 'anthropic-version') ?? FIRST_VERSION;
  const version = stated === FIRST_VERSION ? FIRST_VERSION_AT_VERTEX : stated;
  const text = `"anthropic_version":${JSON.stringify(version)}`;
  const start = memberStart(asked.body, model);
  return routeKind(asked) === 'CountTokens'
    ? [{ start, end: start, text: `${text},` }]
    : [{ start, end: model.end, text }];
}
