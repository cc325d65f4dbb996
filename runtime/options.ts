import type { Logger } from 'pino';
import type { Hello } from '../contract/generated/types.ts';
import type { PeerAccess } from './api/peerForward.ts';
import type { TracingEnvironment } from './observe/tracingSettings.ts';
import type { Clock } from './guard/clock.ts';
import type { ProxyEnvironment } from './network/proxies.ts';

export interface RuntimeOptions {
  pod: Hello['pod'];
  version: string;
  /** 0 chooses a free port. */
  ports: { agent: number; metrics: number; control: number; debug: number };
  /** Address that all ports but debug are open on; absent: any. */
  host?: string;
  configurationDirectory: string;
  tokenDirectory: string;
  /** File that keeps the guard's state beyond the process; absent: it is not kept. */
  statePath?: string;
  /** File that keeps the head of the audit's chain beyond the process; absent: it is not kept. */
  auditHeadPath?: string;
  /** Directory in which the audit's events wait for the webhook, of this pod alone. */
  auditQueueDirectory: string;
  peers: PeerAccess;
  /** Bytes of conversations that are kept in memory at most. */
  maxConversationBytes: number;
  /** Bytes of answers that the cache keeps at most. */
  maxCacheBytes: number;
  /** Bytes of results of tools that are kept at most. */
  maxToolResultBytes: number;
  /** What HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. */
  proxies: ProxyEnvironment;
  /** What OTEL_* variables say. */
  tracing: TracingEnvironment;
  /** Writes whole lines to standard output without blocking. */
  writeOut: (text: string) => Promise<void>;
  clock: Clock;
  log: Logger;
  /** Between looks at the mounted files; see FileWatcher. */
  filePollMs?: number;
}
