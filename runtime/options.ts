import type { Logger } from 'pino';
import type { Hello } from '../contract/generated/types.ts';
import type { PeerAccess } from './peers/peers.ts';
import type { TracingEnvironment } from '../tracing/settings.ts';
import type { IdentityEnvironment } from './model/identity/exchange.ts';
import type { Clock } from './guard/clock.ts';
import type { ProxyEnvironment } from './network/proxies.ts';

export interface RuntimeOptions {
  pod: Hello['pod'];
  version: string;
  /** 0 chooses a free port. */
  ports: { agent: number; metrics: number; control: number; debug: number; program: number };
  /** Address of all ports but debug and program, which are on loopback; absent: any. */
  host?: string;
  configurationDirectory: string;
  tokenDirectory: string;
  /** File for the guard's state, which outlives the process; absent: none. */
  statePath?: string;
  /** Names of the pod's mounts, see contract/mounts.ts; absent: the pod does not know them. */
  mounts?: ReadonlySet<string>;
  /** File for the configuration in force, which outlives the process; absent: none. */
  formerPath?: string;
  /** Directory for the last lists of tools of MCP servers, which outlives the process; absent: none. */
  toolListsDirectory?: string;
  /** File for the head of the audit's chain, which outlives the process; absent: none. */
  auditHeadPath?: string;
  /** Directory of this pod alone, in which events of the audit wait for the collector. */
  auditQueueDirectory: string;
  peers: PeerAccess;
  /** Largest size of conversations in memory, in bytes. */
  maxConversationBytes: number;
  /** Largest size of cached answers, in bytes. */
  maxCacheBytes: number;
  /** Largest size of the program's cache, in bytes. */
  maxProgramCacheBytes: number;
  /** Largest size of cached results of tools, in bytes. */
  maxToolResultBytes: number;
  /** Proxies of HTTPS_PROXY, HTTP_PROXY and NO_PROXY. */
  proxies: ProxyEnvironment;
  /** Variables of clouds in the pod; absent: none. */
  identities?: IdentityEnvironment;
  /** Settings of the OTEL_* variables. */
  tracing: TracingEnvironment;
  /** Writes whole lines to standard output without blocking. */
  writeOut: (text: string) => Promise<void>;
  clock: Clock;
  log: Logger;
  /** Interval between reads of the mounted files, in milliseconds; see FileWatcher. */
  filePollMs?: number;
}
