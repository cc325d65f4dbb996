import { pino } from 'pino';
import { Registry } from 'prom-client';
import { loadClusterConfig } from '../../operator/kube/index.ts';
import { runOperator, type OperatorOptions } from '../../operator/operator.ts';
import { settingsFrom, type Settings } from '../../operator/settings.ts';
import type { ApiServer } from './apiserver.ts';

const NAMESPACE = 'breakwater-system';

/** One line of the operator's log. */
export interface LogLine {
  level: number;
  msg: string;
  [field: string]: unknown;
}

/** An operator in this process, as administrator of a test's API server. */
export interface TestOperator {
  registry: Registry;
  /** What it logged from warnings on. */
  warnings: LogLine[];
  /** Ends it; resolves when the Lease is released. */
  stop(): Promise<void>;
}

/** Starts an operator. Its endpoints listen on ports that happen to be free. */
export async function startOperator(
  server: ApiServer,
  { ownTracing, ...options }: Partial<OperatorOptions> & Pick<Settings, 'ownTracing'> = {},
): Promise<TestOperator> {
  await server.request('POST', '/api/v1/namespaces', { body: { metadata: { name: NAMESPACE } } });
  const read = settingsFrom({
    POD_NAMESPACE: NAMESPACE,
    POD_NAME: 'operator',
    RUNTIME_IMAGE: 'runtime:1',
    METRICS_PORT: '0',
    HEALTH_PORT: '0',
    DEBUG_PORT: '0',
  });
  const settings = { ...read, ...(ownTracing && { ownTracing }) };
  const warnings: LogLine[] = [];
  const write = (line: string): void => void warnings.push(JSON.parse(line) as LogLine);
  const logger = pino({ level: 'warn' }, { write });
  const registry = new Registry();
  const cluster = await loadClusterConfig({ env: {}, kubeconfig: server.kubeconfig });
  const abort = new AbortController();
  const running = runOperator({ settings, cluster, logger, registry, ...options }, abort.signal);
  const stop = async (): Promise<void> => {
    abort.abort();
    await running;
  };
  return { registry, warnings, stop };
}
