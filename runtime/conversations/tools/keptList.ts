import { hash } from 'node:crypto';
import type { McpServer } from '../../../contract/generated/types.ts';
import type { Clock } from '../../guard/clock.ts';
import { scanInSlices, textOf } from '../../json/scan.ts';
import { JsonTree } from '../../json/tree.ts';
import type { Credentials } from '../../mounts/credentials.ts';
import type { RedisStore } from '../stores/redisStore.ts';
import { readHeaders } from '../../mounts/secretHeaders.ts';
import { MCP_LIST_BYTES, MCP_VALUES } from './mcpBounds.ts';
import { mayCall } from './mcpHeaders.ts';
import { toolsIn } from './mcpResults.ts';
import type { ListedTool } from './mcpResults.ts';

/** Where values outlive the process: the Redis of the agent, or else a directory of the pod. */
export interface KeptValues {
  /** The value's JSON, perhaps without its end; undefined if there is none. May reject. */
  read(key: string): Promise<string | undefined>;
  /** May reject. */
  write(key: string, value: object): Promise<void>;
}

export interface KeptListDeps {
  credentials: Pick<Credentials, 'read'>;
  /** Undefined where nothing outlives the process. */
  values: () => KeptValues | undefined;
  clock: Pick<Clock, 'now' | 'date'>;
}

/** A list of tools of an earlier process. */
export interface KeptTools {
  /** When a server sent it, in milliseconds of the wall clock; NaN if that is unreadable. */
  savedAt: number;
  tools: ListedTool[];
}

/** Least time between two writes of the same list, in milliseconds. */
const RENEWAL_MS = 3_600_000;
/** Largest size of a kept list, in bytes: with the time and commas. */
export const KEPT_LIST_BYTES = MCP_LIST_BYTES + 1024;
const OPEN_BRACKET = 0x5b;
const MEMBERS = new Set(['savedAt', 'tools']);

/**
 * The last list of tools of one server, for a process that starts while the server is away. Its key is a hash of the URL
 * and of the credential: each credential has a list of its own. A kept list passes the same checks as a server's answer.
 */
export class KeptList {
  readonly #spec: McpServer;
  readonly #deps: KeptListDeps;
  /** What was written last, and when on the monotonic clock. */
  #written = { digest: '', at: -Infinity };

  constructor(spec: McpServer, deps: KeptListDeps) {
    this.#spec = spec;
    this.#deps = deps;
  }

  /** The key for the mounted credential; undefined while a Secret is missing. */
  get key(): string | undefined {
    const secret = readHeaders(this.#spec.headersFrom, this.#deps.credentials);
    if ('missing' in secret) return undefined;
    return hash('sha256', JSON.stringify([this.#spec.url, secret.credential?.hash ?? '']));
  }

  /** Undefined if there is none, or none that can be read. Never rejects. */
  async read(): Promise<KeptTools | undefined> {
    const { key } = this;
    const values = this.#deps.values();
    if (key === undefined || !values) return undefined;
    const text = await values.read(key).catch(() => undefined);
    return text === undefined ? undefined : readList(Buffer.from(text));
  }

  /** Keeps what the server sent under the key's credential, unless the same is kept already. Never rejects. */
  async write(key: string, tools: readonly ListedTool[]): Promise<void> {
    const { clock, values } = this.#deps;
    const at = clock.now();
    const digest = hash('sha256', JSON.stringify([key, tools]));
    if (digest === this.#written.digest && at - this.#written.at < RENEWAL_MS) return;
    try {
      await values()?.write(key, { savedAt: clock.date().toISOString(), tools });
      this.#written = { digest, at };
    } catch {
      // The connection to Redis logs it. The next list is kept again.
    }
  }
}

async function readList(json: Buffer): Promise<KeptTools | undefined> {
  if (json.length > KEPT_LIST_BYTES) return undefined;
  const members = (await scanInSlices(json, MEMBERS))?.members;
  const list = members?.get('tools');
  const savedAt = members?.get('savedAt');
  if (!list || !savedAt || json[list.start] !== OPEN_BRACKET) return undefined;
  const tree = JsonTree.read(json, list, MCP_VALUES);
  return (
    tree && {
      savedAt: Date.parse(textOf(json, savedAt)),
      tools: toolsIn(tree, tree.root).tools.filter(mayCall),
    }
  );
}

/** Time for which Redis keeps a list that no pod fetches again, in milliseconds. */
export const KEPT_LIST_MS = 30 * 24 * 3_600_000;

/** Lists in the Redis of an agent. */
export function keptInRedis(redis: Pick<RedisStore, 'readText' | 'writeText'>): KeptValues {
  return {
    read: (key) => redis.readText(`tools:${key}`, KEPT_LIST_BYTES),
    write: (key, value) => redis.writeText(`tools:${key}`, JSON.stringify(value), KEPT_LIST_MS),
  };
}
