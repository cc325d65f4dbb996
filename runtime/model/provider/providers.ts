import type { Endpoint } from '../../../contract/generated/types.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import { bedrock, bedrockMantle } from './bedrock.ts';
import { claudePlatformAWS } from './claudePlatform.ts';
import { foundry } from './foundry.ts';
import { vertex } from './vertex.ts';
import type { Provider } from './provider.ts';

const PROVIDERS: Readonly<Record<string, Provider>> = {
  Anthropic: anthropic,
  OpenAI: openai,
  ClaudePlatformAWS: claudePlatformAWS,
  Bedrock: bedrock,
  BedrockMantle: bedrockMantle,
  Foundry: foundry,
  Vertex: vertex,
};

/** The provider of an endpoint that this runtime supports. */
export function providerOf({ provider }: Pick<Endpoint, 'provider'>): Provider {
  return PROVIDERS[provider] ?? anthropic;
}
