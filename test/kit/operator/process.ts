/** The operator as it runs in its image, with the way to the API server and its settings from BENCH. */
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { runOperator } from '../../../operator/operator.ts';
import type { Settings } from '../../../operator/settings.ts';
import { type Access, clusterOf } from './access.ts';

const { access, settings } = JSON.parse(process.env['BENCH']!) as {
  access: Access;
  settings: Settings;
};
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
const logger = pino({ level: settings.logLevel, base: null });
await runOperator(
  { settings, cluster: clusterOf(access), logger, registry: new Registry() },
  stop.signal,
);
process.exit(0);
