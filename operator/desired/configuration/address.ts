import type { Endpoint } from '../../../contract/generated/types.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';

type EndpointSpec = AgentDeployment['spec']['model']['endpoints'][number];

type Provider = EndpointSpec['provider'];

const ADDRESSES: Readonly<Record<Provider, (region: string, resource: string) => string>> = {
  Anthropic: () => 'https://api.anthropic.com',
  OpenAI: () => 'https://api.openai.com',
  ClaudePlatformAWS: (region) => `https://aws-external-anthropic.${region}.api.aws`,
  Bedrock: (region) => `https://bedrock-runtime.${region}.amazonaws.com/anthropic`,
  BedrockMantle: (region) => `https://bedrock-mantle.${region}.api.aws/anthropic`,
  Foundry: (_region, resource) => `https://${resource}.services.ai.azure.com/anthropic`,
  Vertex: (region) => `https://${vertexHost(region)}`,
};

/** Where an endpoint is: what is before the path of a request. */
export function addressOf({ provider, baseURL, region = '', resource = '' }: EndpointSpec): string {
  return baseURL ?? ADDRESSES[provider](region, resource);
}

/** Vertex has hosts for the whole world, for two continents, and for regions. */
function vertexHost(location: string): string {
  if (location === 'global') return 'aiplatform.googleapis.com';
  if (location === 'us' || location === 'eu') return `aiplatform.${location}.rep.googleapis.com`;
  return `${location}-aiplatform.googleapis.com`;
}

/** Providers that know every beta. */
const KNOW_ALL: ReadonlySet<Provider> = new Set(['Anthropic', 'ClaudePlatformAWS', 'OpenAI']);

/** The betas that an endpoint knows; none where it gets those of each request. */
export function resolveBetas({ provider, betas }: EndpointSpec): Pick<Endpoint, 'betas'> {
  if (betas) return { betas: { accept: betas.accept ?? [], others: betas.others } };
  return KNOW_ALL.has(provider) ? {} : { betas: { accept: [], others: 'PassOver' } };
}
