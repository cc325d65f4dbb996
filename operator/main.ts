/** The operator's process: reads the environment, runs until SIGTERM and releases the Lease. */
import { Registry } from 'prom-client';
import { loadClusterConfig } from './kube/index.ts';
import { rootLogger } from '../common/log.ts';
import { runOperator } from './operator.ts';
import { settingsFrom } from './settings.ts';
import { tracingEnvironment } from '../tracing/settings.ts';

async function main(): Promise<void> {
  const settings = settingsFrom(process.env);
  const logger = rootLogger(settings.logLevel);
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      logger.info({ signal: name }, 'Stop was asked for');
      stop.abort();
    });
  }
  const cluster = await loadClusterConfig({ env: process.env });
  logger.info({ server: cluster.server, runtimeImage: settings.runtimeImage }, 'Operator started');
  const tracing = tracingEnvironment(process.env);
  await runOperator({ settings, cluster, logger, registry: new Registry(), tracing }, stop.signal);
  logger.info('Operator stopped');
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
