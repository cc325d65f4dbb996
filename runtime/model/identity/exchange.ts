import { readFile } from 'node:fs/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import { networkErrorCode, untrustedAdvice } from '../../network/errors.ts';
import { ProxyError } from '../../network/proxies.ts';
import type { Credentials } from '../provider/credentials.ts';
import { IdentityProblem, clockAdvice } from './problem.ts';

/** Credentials that a cloud gives for an identity. */
export interface Grant {
  credentials: Credentials;
  /** How long the cloud accepts them from now on, in milliseconds. */
  lifetimeMs: number;
  /** How far the clock of the cloud is ahead of ours, in milliseconds. */
  aheadMs: number;
}

/** Asks a cloud for credentials. Rejects with an IdentityProblem, or with the signal's reason when it aborts. */
export type Exchange = (signal: AbortSignal) => Promise<Grant>;

/** What an exchange needs of the process. */
export interface ExchangeContext {
  /** Connections over the network settings in force. */
  dispatcher: () => Dispatcher;
  date: () => Date;
  /** Names the pod in the logs of a cloud. */
  podName: string;
  environment: IdentityEnvironment;
}

/** Variables that a cloud sets in pods. */
export interface IdentityEnvironment {
  /** AWS_CONTAINER_CREDENTIALS_FULL_URI, by EKS Pod Identity. */
  containerCredentialsURI?: string | undefined;
  /** AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE, by EKS Pod Identity. */
  containerTokenFile?: string | undefined;
  /** GCE_METADATA_HOST: host and port of Google's metadata server. */
  metadataHost?: string | undefined;
}

export interface Question {
  method: 'GET' | 'POST';
  url: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface CloudAnswer {
  status: number;
  text: string;
  /** How far the clock of the cloud is ahead of ours, in milliseconds; 0 if it does not say. */
  aheadMs: number;
}

/** Largest answer to read. Those of clouds have some kilobytes. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Sends one request. It follows no redirect. */
export async function ask(
  { method, url, headers = {}, body }: Question,
  { dispatcher, date }: ExchangeContext,
  signal: AbortSignal,
): Promise<CloudAnswer> {
  const { host } = new URL(url);
  try {
    const answer = await request(url, {
      ...{ method, headers, signal, dispatcher: dispatcher() },
      ...(body !== undefined && { body }),
    });
    const text = await textOf(answer.body, host);
    const stated = Date.parse(String(answer.headers.date));
    const aheadMs = Number.isNaN(stated) ? 0 : stated - date().getTime();
    return { status: answer.statusCode, text, aheadMs };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof IdentityProblem) throw error;
    throw new IdentityProblem(unreachable(host, error));
  }
}

async function textOf(body: AsyncIterable<Buffer>, host: string): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw unreadable(host);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function unreachable(host: string, error: unknown): string {
  if (error instanceof ProxyError) return `${host} cannot be reached: ${error.message}.`;
  const code = networkErrorCode(error);
  const advice = untrustedAdvice(code);
  if (advice !== undefined) return `${host} cannot be reached (${code}): ${advice}.`;
  if (code === 'ENOTFOUND') {
    return `${host} cannot be reached (${code}): no such name. Check the region of the endpoint, and DNS in the agent's pods.`;
  }
  return `${host} cannot be reached (${code}). Check spec.proxy, and whether network policies and firewalls let the agent's pods connect to it.`;
}

/** The answer has not the form that the cloud documents. */
export function unreadable(host: string): IdentityProblem {
  return new IdentityProblem(
    `${host} did not answer as documented. Check whether a proxy answers in its place.`,
  );
}

/** An answer that is an object of JSON; undefined if it is none. */
export function objectIn({ text }: Pick<CloudAnswer, 'text'>): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A token that may stand in a header; undefined for anything else. */
export function tokenIn(value: unknown): string | undefined {
  return typeof value === 'string' && /^[\x21-\x7e]+$/.test(value) ? value : undefined;
}

/** A token of the cluster for the agent's ServiceAccount. */
export interface MountedToken {
  token: string;
  /** Whom clouds must trust, such as system:serviceaccount:support:triage. */
  subject: string;
}

/** Name of a token's file in its directory. */
export const TOKEN_FILE = 'token';

/** Reads a mounted token at each exchange: the kubelet renews it. */
export async function mountedToken(directory: string, date: () => Date): Promise<MountedToken> {
  const token = await fileText(`${directory}/${TOKEN_FILE}`);
  if (token === undefined) {
    throw new IdentityProblem(
      'The token of the ServiceAccount is not mounted. Replace the pod: it was made before the endpoint named its identity.',
    );
  }
  const { sub, exp } = claimsOf(token);
  const nowMs = date().getTime();
  if (exp !== undefined && exp * 1000 <= nowMs) {
    const expired = new Date(exp * 1000).toISOString();
    throw new IdentityProblem(
      `The mounted token of the ServiceAccount has expired at ${expired}, and here it is ${date().toISOString()}. Set the clock of the node right, or find out why its kubelet does not renew the token.`,
    );
  }
  return { token, subject: sub ?? 'the ServiceAccount of the agent' };
}

/** The trimmed text of a file; undefined without one. */
export async function fileText(path: string): Promise<string | undefined> {
  try {
    return tokenIn((await readFile(path, 'utf8')).trim());
  } catch {
    return undefined;
  }
}

/** Claims of a token, unchecked: they serve only messages. */
function claimsOf(token: string): { sub?: string; exp?: number } {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  const { sub, exp } = objectIn({ text: payload }) ?? {};
  return {
    ...(typeof sub === 'string' && SUBJECT.test(sub) && { sub }),
    ...(typeof exp === 'number' && Number.isSafeInteger(exp) && { exp }),
  };
}

const SUBJECT = /^system:serviceaccount:[a-z0-9-]{1,63}:[a-z0-9.-]{1,253}$/;

/** The cloud has refused the exchange. */
export function refusal(text: string, { aheadMs }: Pick<CloudAnswer, 'aheadMs'>): IdentityProblem {
  const clock = clockAdvice(aheadMs);
  return new IdentityProblem(clock === undefined ? text : `${text} ${clock}`);
}
