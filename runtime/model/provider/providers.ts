import type { Endpoint } from '../../../contract/generated/types.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import type { Provider } from './provider.ts';

const PROVIDERS: Readonly<Record<string, Provider>> = {
  Anthropic: anthropic,
  OpenAI: openai,
};

/** The provider of an endpoint that this runtime supports. */
export function providerOf({ provider }: Pick<Endpoint, 'provider'>): Provider {
  return PROVIDERS[provider] ?? anthropic;
}
