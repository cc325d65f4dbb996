/** Claude at Amazon Bedrock, by the Messages API of its two endpoints. */
import { parseJson, stringMember } from '../../json/parsed.ts';
import type { Edit } from '../../json/scan.ts';
import { MiB, USUAL_BODY_BYTES, cloudProvider } from './cloud.ts';
import type { EndpointRequest } from './provider.ts';

export const bedrock = cloudProvider({
  routes: ['Messages'],
  maxBodyBytes: 20 * MiB,
  service: 'bedrock',
  edits: withoutUser,
});

export const bedrockMantle = cloudProvider({
  routes: ['Messages', 'CountTokens'],
  maxBodyBytes: USUAL_BODY_BYTES,
  service: 'bedrock-mantle',
});

/** Longest metadata to read, in bytes. */
const MAX_METADATA = 4096;

/** Bedrock refuses JSON as the user, which Claude Code sends. */
function withoutUser({ body, members }: EndpointRequest): readonly Edit[] {
  const span = members?.get('metadata');
  if (!span || span.end - span.start > MAX_METADATA) return [];
  const metadata = parseJson(body.toString('utf8', span.start, span.end));
  const isJson = stringMember(metadata, 'user_id').trimStart().startsWith('{');
  return isJson ? [{ ...span, text: '{}' }] : [];
}
