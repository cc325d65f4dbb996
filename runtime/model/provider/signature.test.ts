import { expect, it } from '@jest/globals';
import { signature } from './signature.ts';

const KEYS = {
  kind: 'aws' as const,
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
};
const DATE = new Date('2015-08-30T12:36:00Z');
const SCOPE = { service: 'service', region: 'us-east-1' };
const request = (method: string, path: string): Parameters<typeof signature>[0] => ({
  ...{ method, path, origin: 'https://example.amazonaws.com' },
});

it.each([
  ['GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  ['POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
  [
    'GET',
    '/?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
])('signs %s %s as AWS documents', (method, path, expected) => {
  expect(signature(request(method, path), KEYS, SCOPE, DATE)).toEqual([
    'x-amz-date',
    '20150830T123600Z',
    'authorization',
    `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=${expected}`,
  ]);
});

it('signs the token of a session', () => {
  const signed = signature(request('GET', '/'), { ...KEYS, sessionToken: 't' }, SCOPE, DATE);
  expect(signed.slice(0, 4)).toEqual([
    'x-amz-date',
    '20150830T123600Z',
    'x-amz-security-token',
    't',
  ]);
  expect(signed.at(-1)).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token');
});

it('signs a request to Bedrock as botocore 1.40.0 does', () => {
  const asked = {
    ...{ method: 'POST', origin: 'https://bedrock-runtime.eu-central-1.amazonaws.com' },
    path: '/anthropic/v1/messages?beta=true',
    body: Buffer.from('{"model":"eu.anthropic.claude-opus-5"}'),
  };
  const keys = { ...KEYS, sessionToken: 'session/token+==' };
  const scope = { service: 'bedrock', region: 'eu-central-1' };
  const signed = signature(asked, keys, scope, new Date('2026-11-25T12:00:00Z'));
  expect(signed.at(-1)).toContain(
    'Signature=baee6d4e30b4b3cc5b35f999586a35532698fa228cfa9ecd7dd19502e30be59a',
  );
});
