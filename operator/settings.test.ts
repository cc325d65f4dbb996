import { expect, it } from '@jest/globals';
import { settingsFrom } from './settings.ts';

const needed = { POD_NAMESPACE: 'system', POD_NAME: 'operator-1', RUNTIME_IMAGE: 'runtime:1' };

it('has a default for all that can have one', () => {
  expect(settingsFrom(needed)).toEqual({
    namespace: 'system',
    podName: 'operator-1',
    runtimeImage: 'runtime:1',
    runtimeImagePullPolicy: undefined,
    upgradeConcurrency: 5,
    watchNamespace: undefined,
    logLevel: 'info',
    leaseName: 'breakwater-operator',
    authoritySecret: 'breakwater-authority',
    ports: { metrics: 8080, health: 8081, debug: 9091 },
  });
});

it('takes the address of the runbooks only as an address', () => {
  const runbooks = 'https://example.com/runbooks';
  expect(settingsFrom({ ...needed, RUNBOOKS_URL: runbooks }).runbooks).toBe(runbooks);
  expect(() => settingsFrom({ ...needed, RUNBOOKS_URL: 'runbooks' })).toThrow('RUNBOOKS_URL');
});

it('reaches pods directly or by port-forward', () => {
  expect(settingsFrom({ ...needed, LINKS: 'PortForward' }).links).toBe('PortForward');
  expect(() => settingsFrom({ ...needed, LINKS: 'Tunnel' })).toThrow('set LINKS to PortForward');
});

it('names everything that is wrong at once', () => {
  expect(() =>
    settingsFrom({
      POD_NAME: 'x',
      LOG_LEVEL: 'loud',
      HEALTH_PORT: 'http',
      RUNTIME_UPGRADE_CONCURRENCY: '0',
    }),
  ).toThrow(
    "The operator cannot start: set LOG_LEVEL to one of trace, debug, info, warn, error, fatal; set POD_NAMESPACE to the operator's own namespace; set RUNTIME_IMAGE to the image that agents run by default; set RUNTIME_UPGRADE_CONCURRENCY to a whole number, 1 or more; set HEALTH_PORT to a port number, 0 to 65535",
  );
});
