import type { Row } from './row.ts';

const PATH = '$.spec.healthChecks[*]';
const tcp = { host: 'orders-db', port: 5432 };

/** A row about one health check. */
function row(rule: string, check: object, message: string): Row {
  return [`${PATH}${rule}`, { spec: { healthChecks: [check] } }, `spec.healthChecks[0]${message}`];
}

/** Bad manifests of AgentDeployments, by their health checks. */
export const rows: Row[] = [
  [
    '$.spec.healthChecks unique',
    {
      spec: {
        healthChecks: [
          { name: 'db', tcp },
          { name: 'db', tcp },
        ],
      },
    },
    'spec.healthChecks[1]: Duplicate value: {"name":"db"}',
  ],
  row(' required name', { tcp }, '.name: Required value'),
  row(' rule 0', { name: 'db' }, ': Invalid value: "object": must have either http or tcp'),
  row(
    '.name rule 0',
    { name: 'My DB', tcp },
    '.name: Invalid value: "string": must hold only lower-case letters, digits and \'-\', and begin and end with a letter or digit, such as orders-db',
  ),
  row('.http required url', { name: 'db', http: {} }, '.http.url: Required value'),
  row(
    '.http.url rule 0',
    { name: 'db', http: { url: 'orders.shop:8080' } },
    '.http.url: Invalid value: "string": must be a URL with http:// or https:// and without credentials or fragment, such as http://orders.shop:8080/healthz',
  ),
  row('.tcp required host', { name: 'db', tcp: { port: 1 } }, '.tcp.host: Required value'),
  row('.tcp required port', { name: 'db', tcp: { host: 'db' } }, '.tcp.port: Required value'),
  row(
    '.tcp.host rule 0',
    { name: 'db', tcp: { host: 'tcp://db', port: 1 } },
    '.tcp.host: Invalid value: "string": must be a host name or an IP address, such as orders-db.shop.svc',
  ),
  row(
    '.interval rule 0',
    { name: 'db', tcp, interval: '500ms' },
    '.interval: Invalid value: "string": must be a duration of at least 1s, written with the units h, m, s and ms, such as 30s or 1m30s',
  ),
  row(
    '.timeout rule 0',
    { name: 'db', tcp, timeout: '0s' },
    '.timeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 2s or 500ms',
  ),
];
