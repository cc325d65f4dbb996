import { expect, it } from '@jest/globals';
import { statedConstants } from '../../../test/kit/constants.ts';
import {
  MESH_DRAIN_SECONDS,
  PROGRAM_SILENCE,
  SILENT_GRACE_SECONDS,
} from '../objects/programTemplate.ts';
import {
  AUTH_FAILURES_PER_MINUTE,
  AUTH_FAILURE_ADDRESSES,
  INCIDENTS,
  JWT_KEYS,
  AUDIT_BUFFER_BYTES,
  AUDIT_MEMORY_EVENTS,
  AUDIT_QUEUE_BYTES,
  AUTHENTICATION_INTERVAL_MS,
  TRANSPORT_IDLE_MS,
} from './constants.ts';

it('docs/reference/constants.md states the constants of the configuration', () => {
  const { timeoutMs, refreshMs, maxAgeMs, cooldownMs } = JWT_KEYS;
  const { windowMs, maxTracked, raiseAt, manySources } = INCIDENTS;
  expect(statedConstants()).toMatchObject({
    AUTH_FAILURES_PER_MINUTE: `${AUTH_FAILURES_PER_MINUTE}`,
    AUTH_FAILURE_ADDRESSES: `${AUTH_FAILURE_ADDRESSES}`,
    JWT_KEYS: `${timeoutMs / 1000} s, ${refreshMs / 60_000} min, ${maxAgeMs / 3_600_000} h, ${cooldownMs / 1000} s`,
    INCIDENTS: `${windowMs / 60_000} min, ${maxTracked}, ${raiseAt}, ${manySources}`,
    'INCIDENTS.spend': Object.values(INCIDENTS.spend).join(', '),
    AUDIT_MEMORY_EVENTS: `${AUDIT_MEMORY_EVENTS}`,
    AUDIT_BUFFER_BYTES: `${AUDIT_BUFFER_BYTES / 1024 ** 2} MiB`,
    AUDIT_QUEUE_BYTES: `${AUDIT_QUEUE_BYTES / 1024 ** 2} MiB`,
    AUTHENTICATION_INTERVAL_MS: `${AUTHENTICATION_INTERVAL_MS / 60_000} min`,
    TRANSPORT_IDLE_MS: `${TRANSPORT_IDLE_MS / 1000} s`,
    PROGRAM_SILENCE: `${PROGRAM_SILENCE.periodSeconds * PROGRAM_SILENCE.failureThreshold} s`,
    SILENT_GRACE_SECONDS: `${SILENT_GRACE_SECONDS} s`,
    MESH_DRAIN_SECONDS: `${MESH_DRAIN_SECONDS} s`,
  });
});
