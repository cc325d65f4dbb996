import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import type { CheckStats } from './healthChecks.ts';

/** Figures of a cache. */
export interface ShownCacheStats {
  hits: number;
  misses: number;
  tiers: Record<string, { entries: number; bytes: number; evictions: number }>;
}

/** Conversations in this pod's memory. */
export interface ConversationStats {
  conversations: number;
  messages: number;
  bytes: number;
}

/** Connections to one origin and the requests on them. */
export interface ConnectionStats {
  origin: string;
  open: number;
  idle: number;
  running: number;
  queued: number;
}

/** Tools of one MCP server; none before the first list. */
export interface McpToolStats {
  name: string;
  changes: number;
  tools?: number;
  withheld?: boolean;
}

/** Facts to read at each scrape. */
export interface StateFacts {
  caches: () => Record<'answers' | 'tool_results', ShownCacheStats>;
  conversations: () => ConversationStats;
  connections: () => ConnectionStats[];
  checks: () => CheckStats[];
  mcpServers: () => McpToolStats[];
  /** Parts of the configuration that wait until the pod is replaced. */
  waiting: () => readonly string[];
}

/** Largest number of origins with series; debug pages show all. */
const MAX_ORIGINS = 16;

/** Metrics of the state of the process: caches, conversations, connections, health checks and MCP servers. */
export function stateMetrics(registry: Registry, facts: StateFacts): void {
  cacheMetrics(registry, facts.caches);
  conversationMetrics(registry, facts.conversations);
  connectionMetrics(registry, facts.connections);
  checkMetrics(registry, facts.checks);
  mcpMetrics(registry, facts.mcpServers);
  waitingMetric(registry, facts.waiting);
}

function waitingMetric(registry: Registry, waiting: StateFacts['waiting']): void {
  new Gauge({
    name: 'configuration_waiting',
    help: 'Parts of the configuration that wait until the pod is replaced, because it lacks mounts for them, each with 1.',
    labelNames: ['part'],
    registers: [registry],
    collect() {
      this.reset();
      for (const part of waiting()) this.set({ part }, 1);
    },
  });
}

function cacheMetrics(registry: Registry, caches: StateFacts['caches']): void {
  const shared = { labelNames: ['cache' as const, 'tier' as const], registers: [registry] };
  type Tier = ShownCacheStats['tiers'][string];
  const each = (fill: (labels: { cache: string; tier: string }, tier: Tier) => void): void => {
    for (const [cache, { tiers }] of Object.entries(caches()))
      for (const [tier, stats] of Object.entries(tiers)) fill({ cache, tier }, stats);
  };
  new Gauge({
    name: 'cache_entries',
    help: 'What is kept, by tier.',
    ...shared,
    collect() {
      each((labels, { entries }) => this.set(labels, entries));
    },
  });
  new Gauge({
    name: 'cache_bytes',
    help: 'Size of what is kept, by tier.',
    ...shared,
    collect() {
      each((labels, { bytes }) => this.set(labels, bytes));
    },
  });
  new Counter({
    name: 'cache_evictions_total',
    help: 'What there was no more room for, by tier.',
    ...shared,
    collect() {
      this.reset();
      each((labels, { evictions }) => this.inc(labels, evictions));
    },
  });
  new Counter({
    name: 'cache_lookups_total',
    help: 'Look-ups by their result: hit or miss.',
    labelNames: ['cache', 'result'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [cache, { hits, misses }] of Object.entries(caches())) {
        this.inc({ cache, result: 'hit' }, hits);
        this.inc({ cache, result: 'miss' }, misses);
      }
    },
  });
}

function conversationMetrics(registry: Registry, conversations: StateFacts['conversations']): void {
  const gauge = (name: string, help: string, of: (stats: ConversationStats) => number): void =>
    void new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(of(conversations()));
      },
    });
  gauge('conversations', 'Conversations in the memory of the pod.', (all) => all.conversations);
  gauge('conversation_messages', 'Messages of these conversations.', (all) => all.messages);
  gauge('conversation_bytes', 'Size of these conversations.', (all) => all.bytes);
}

function connectionMetrics(registry: Registry, connections: StateFacts['connections']): void {
  const shared = { labelNames: ['origin' as const, 'state' as const], registers: [registry] };
  const each = (fill: (stats: ConnectionStats) => void): void =>
    connections().slice(0, MAX_ORIGINS).forEach(fill);
  new Gauge({
    name: 'connection_pool_connections',
    help: 'Kept connections to endpoints: open in all, and of these idle.',
    ...shared,
    collect() {
      this.reset();
      each(({ origin, open, idle }) => {
        this.set({ origin, state: 'open' }, open);
        this.set({ origin, state: 'idle' }, idle);
      });
    },
  });
  new Gauge({
    name: 'connection_pool_requests',
    help: 'Requests on these connections: running, or queued for one.',
    ...shared,
    collect() {
      this.reset();
      each(({ origin, running, queued }) => {
        this.set({ origin, state: 'running' }, running);
        this.set({ origin, state: 'queued' }, queued);
      });
    },
  });
}

function checkMetrics(registry: Registry, checks: StateFacts['checks']): void {
  const registers = [registry];
  new Gauge({
    name: 'health_check_passing',
    help: '1 while the health check passes, 0 while it fails; nothing before its first result.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { name, passing } of checks())
        if (passing !== undefined) this.set({ name }, passing ? 1 : 0);
    },
  });
  new Gauge({
    name: 'health_check_last_seconds',
    help: 'Time that the last check took.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { name, lastSeconds } of checks())
        if (lastSeconds !== undefined) this.set({ name }, lastSeconds);
    },
  });
  new Counter({
    name: 'health_checks_total',
    help: 'Checks that were made, by result: Passed, or why it failed.',
    labelNames: ['name', 'result'],
    registers,
    collect() {
      this.reset();
      for (const { name, passed, failed } of checks()) {
        this.inc({ name, result: 'Passed' }, passed);
        for (const [result, count] of Object.entries(failed)) this.inc({ name, result }, count);
      }
    },
  });
}

function mcpMetrics(registry: Registry, servers: StateFacts['mcpServers']): void {
  const registers = [registry];
  new Gauge({
    name: 'mcp_server_tools',
    help: 'Tools of the MCP server that may be used, as it listed them last.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { name, tools } of servers()) if (tools !== undefined) this.set({ name }, tools);
    },
  });
  new Gauge({
    name: 'mcp_server_tools_withheld',
    help: '1 while its tools are withheld from the model, because they are not those that toolsHash pins.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { name, withheld } of servers())
        if (withheld !== undefined) this.set({ name }, withheld ? 1 : 0);
    },
  });
  new Counter({
    name: 'mcp_server_tool_changes_total',
    help: 'How often its tools became others.',
    labelNames: ['name'],
    registers,
    collect() {
      this.reset();
      for (const { name, changes } of servers()) this.inc({ name }, changes);
    },
  });
}
