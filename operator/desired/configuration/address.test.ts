import { expect, it } from '@jest/globals';
import { addressOf, resolveBetas } from './address.ts';

type Spec = Parameters<typeof addressOf>[0];
const spec = (fields: Partial<Spec>): Spec => ({ name: 'e', ...fields }) as Spec;

it.each<[Partial<Spec>, string]>([
  [{ provider: 'Anthropic' }, 'https://api.anthropic.com'],
  [
    { provider: 'ClaudePlatformAWS', region: 'us-east-1' },
    'https://aws-external-anthropic.us-east-1.api.aws',
  ],
  [
    { provider: 'Bedrock', region: 'eu-central-1' },
    'https://bedrock-runtime.eu-central-1.amazonaws.com/anthropic',
  ],
  [
    { provider: 'BedrockMantle', region: 'eu-west-1' },
    'https://bedrock-mantle.eu-west-1.api.aws/anthropic',
  ],
  [{ provider: 'Foundry', resource: 'mine' }, 'https://mine.services.ai.azure.com/anthropic'],
  [
    { provider: 'Vertex', region: 'europe-west1' },
    'https://europe-west1-aiplatform.googleapis.com',
  ],
  [{ provider: 'Vertex', region: 'global' }, 'https://aiplatform.googleapis.com'],
  [{ provider: 'Vertex', region: 'eu' }, 'https://aiplatform.eu.rep.googleapis.com'],
  [{ provider: 'Bedrock', region: 'x', baseURL: 'https://vpce.example' }, 'https://vpce.example'],
])('%j is at %s', (fields, expected) => {
  expect(addressOf(spec(fields))).toBe(expected);
});

it('a cloud is taken to know no beta, unless its endpoint names some', () => {
  expect(resolveBetas(spec({ provider: 'Anthropic' }))).toEqual({});
  expect(resolveBetas(spec({ provider: 'Bedrock' }))).toEqual({
    betas: { accept: [], others: 'PassOver' },
  });
  expect(resolveBetas(spec({ provider: 'Bedrock', betas: { others: 'Drop' } }))).toEqual({
    betas: { accept: [], others: 'Drop' },
  });
});
