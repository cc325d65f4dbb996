import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  AUDIT_BUFFER_BYTES,
  AUDIT_MEMORY_EVENTS,
  AUDIT_QUEUE_BYTES,
  AUTHENTICATION_INTERVAL_MS,
  TRANSPORT_IDLE_MS,
} from './constants.ts';

const PAGE = join(import.meta.dirname, '../../../docs/reference/constants.md');

it('docs/reference/constants.md states what pods are told that no field changes', () => {
  const rows = readFileSync(PAGE, 'utf8').matchAll(/^\| `(\w+)` +\| ([^|]*?) +\|/gm);
  const stated = Object.fromEntries(
    Array.from(rows, ([, name, value]): [string, string] => [name!, value!]),
  );
  expect(stated).toMatchObject({
    AUDIT_MEMORY_EVENTS: `${AUDIT_MEMORY_EVENTS}`,
    AUDIT_BUFFER_BYTES: `${AUDIT_BUFFER_BYTES / 1024 ** 2} MiB`,
    AUDIT_QUEUE_BYTES: `${AUDIT_QUEUE_BYTES / 1024 ** 2} MiB`,
    AUTHENTICATION_INTERVAL_MS: `${AUTHENTICATION_INTERVAL_MS / 60_000} min`,
    TRANSPORT_IDLE_MS: `${TRANSPORT_IDLE_MS / 1000} s`,
  });
});
