/** HAProxy as a process, from Debian's package. */
import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../cluster/common/command.ts';
import { freePort } from '../../cluster/common/freePort.ts';
import { start, stopping } from './processes.ts';
import type { Gateway } from './processes.ts';

/** HAProxy with one thread, two retries, observation of answers and a limit by address that refuses nothing. */
export async function haproxy(endpointPort: number): Promise<Gateway> {
  const binary = await installed();
  const directory = await mkdtemp(join(tmpdir(), 'haproxy-bench-'));
  const file = join(directory, 'haproxy.cfg');
  const port = await freePort();
  await writeFile(file, configuration(port, endpointPort));
  return stopping(await start('haproxy', [binary, '-f', file, '-db'], { port }), directory);
}

/** Installs Debian's package where it is missing. */
async function installed(): Promise<string> {
  const binary = '/usr/sbin/haproxy';
  if (!existsSync(binary))
    await run('apt-get', ['install', '-qq', '--yes', '--no-install-recommends', 'haproxy']);
  return binary;
}

function configuration(port: number, endpointPort: number): string {
  return `
global
  nbthread 1
  maxconn 5000
defaults
  mode http
  timeout connect 10s
  timeout client 1h
  timeout server 1h
  option redispatch
  retries 2
  retry-on all-retryable-errors
frontend bench
  bind 127.0.0.1:${port}
  stick-table type ip size 10k expire 60s store http_req_rate(1s)
  http-request track-sc0 src
  http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
  default_backend endpoint
backend endpoint
  http-reuse always
  server primary 127.0.0.1:${endpointPort} check observe layer7 error-limit 5 on-error mark-down
`;
}
