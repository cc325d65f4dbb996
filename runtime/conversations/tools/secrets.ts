import type { Content, SecretHeader } from '../../../contract/generated/types.ts';

interface SecretHeaders {
  dependency: string;
  headers: SecretHeader[];
}

/** Request headers of endpoints from Secrets, by dependency. */
export function endpointHeadersOf({ endpoints }: Pick<Content, 'endpoints'>): SecretHeaders[] {
  return endpoints.flatMap(({ name, headersFrom: headers }) =>
    headers ? [{ dependency: `model/${name}`, headers }] : [],
  );
}

/** Request headers of tools and MCP servers from Secrets, by dependency. */
export function secretHeadersOf({
  tools = [],
  mcpServers = [],
}: Pick<Content, 'tools' | 'mcpServers'>): SecretHeaders[] {
  return [
    ...tools.map(({ name, http }) => ({ dependency: `tool/${name}`, headers: http.headersFrom })),
    ...mcpServers.map(({ name, headersFrom }) => ({
      dependency: `mcp/${name}`,
      headers: headersFrom,
    })),
  ];
}
