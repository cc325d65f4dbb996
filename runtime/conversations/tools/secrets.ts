import type { Content, SecretHeader } from '../../../contract/generated/types.ts';

/** Request headers from Secrets, by the dependency that they are for. */
export function secretHeadersOf({
  tools = [],
  mcpServers = [],
}: Pick<Content, 'tools' | 'mcpServers'>): { dependency: string; headers: SecretHeader[] }[] {
  return [
    ...tools.map(({ name, http }) => ({ dependency: `tool/${name}`, headers: http.headersFrom })),
    ...mcpServers.map(({ name, headersFrom }) => ({
      dependency: `mcp/${name}`,
      headers: headersFrom,
    })),
  ];
}
