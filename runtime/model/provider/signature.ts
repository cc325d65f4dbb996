/** AWS Signature Version 4 in headers (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). */
import { createHash, createHmac } from 'node:crypto';
import type { UpstreamRequest } from '../transport/upstream.ts';
import type { Credentials } from './credentials.ts';

type Keys = Extract<Credentials, { kind: 'aws' }>;

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** Headers to add, as name, value, … `date`: the wall clock, which may differ from AWS's by 5 minutes. */
export function signature(
  {
    method,
    origin,
    path,
    body = Buffer.alloc(0),
  }: Pick<UpstreamRequest, 'method' | 'origin' | 'path' | 'body'>,
  { accessKeyId, secretAccessKey, sessionToken }: Keys,
  { service, region }: { service: string; region: string },
  date: Date,
): string[] {
  const time = date.toISOString().replace(/[-:]|\.\d+/g, '');
  const [resource = '', query = ''] = path.split('?', 2);
  const signed = [
    ['host', origin.slice(origin.indexOf('//') + 2)],
    ['x-amz-date', time],
    ...(sessionToken === undefined ? [] : [['x-amz-security-token', sessionToken]]),
  ] as const;
  const names = signed.map(([name]) => name).join(';');
  const canonical = [
    ...[method, resource.split('/').map(encoded).join('/'), query.split('&').sort().join('&')],
    ...[...signed.map(([name, value]) => `${name}:${value}`), '', names, sha256(body)],
  ];
  const scope = `${time.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, time, scope, sha256(canonical.join('\n'))].join('\n');
  const key = scope.split('/').reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`));
  const proof = hmac(key, text).toString('hex');
  const credential = `Credential=${accessKeyId}/${scope}`;
  const authorization = `${ALGORITHM} ${credential}, SignedHeaders=${names}, Signature=${proof}`;
  return [...signed.slice(1).flat(), 'authorization', authorization];
}

/** Each part of the path is encoded once more, as all services but S3 want it. */
function encoded(part: string): string {
  return encodeURIComponent(part).replace(
    /[!'()*]/g,
    (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
