import { expect, it } from '@jest/globals';
import { agentContent } from '../../test/kit/agentContent.ts';
import { RESOLVED } from './resolved.ts';

it('resolves what the operator makes of a manifest that states nothing else', () => {
  const { endpoints, tools, mcpServers, ...rest } = agentContent(
    {
      apiVersion: 'breakwater.dev/v1alpha1',
      kind: 'AgentDeployment',
      metadata: { name: 'triage', namespace: 'default' },
      spec: {
        model: {
          endpoints: [
            {
              name: 'primary',
              baseURL: 'http://model.test',
              apiKeySecretRef: { name: 'anthropic' },
            },
          ],
        },
        tools: [{ name: 'look', description: 'Looks.', http: { url: 'http://tool.test' } }],
        mcpServers: [{ name: 'stock', url: 'http://mcp.test' }],
      },
    },
    '/',
  );
  const [{ credential: _key, ...endpoint } = {}] = endpoints;
  expect({ ...RESOLVED, limits: [] }).toEqual({
    ...rest,
    endpoints: [endpoint],
    tools,
    mcpServers,
    agent: RESOLVED.agent,
    // On one computer no Service has to learn of a shutdown.
    shutdown: { ...rest.shutdown, endpointLagMs: RESOLVED.shutdown.endpointLagMs },
  });
});
