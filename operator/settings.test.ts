import { expect, it } from '@jest/globals';
import { settingsFrom } from './settings.ts';

const needed = { POD_NAMESPACE: 'system', POD_NAME: 'operator-1', RUNTIME_IMAGE: 'runtime:1' };

it('every optional setting has a default', () => {
  expect(settingsFrom(needed)).toEqual({
    namespace: 'system',
    podName: 'operator-1',
    runtimeImage: 'runtime:1',
    runtimeImagePullPolicy: undefined,
    upgradeConcurrency: 5,
    upgradeFailures: 3,
    reconcileConcurrency: 32,
    requestsInFlight: 7,
    tokenReviewsInFlight: 4,
    dialling: {
      connectMs: 1_500,
      connects: { first: 512, repeated: 32 },
      handshakes: { first: 16, repeated: 4 },
    },
    reports: {
      bytesPerSecond: 262_144,
      messagesPerSecond: 50,
      burstSeconds: 20,
      excessMs: 300_000,
    },
    tenancy: {
      podTemplate: 'Restricted',
      images: [],
      programImages: [],
      secretNames: ['*'],
      identities: [],
    },
    share: { namespaces: [] },
    logLevel: 'info',
    logLevels: {},
    leaseName: 'breakwater-operator',
    authoritySecret: 'breakwater-authority',
    authorityCheckMs: 10_000,
    ports: { metrics: 8080, health: 8081, debug: 9091 },
  });
});

it('the settings contain the permissions of the authors of agents', () => {
  const tenancy = {
    TENANCY_POD_TEMPLATE: 'Any',
    TENANCY_IMAGES: 'example.com/a,example.com/b/',
    TENANCY_PROGRAM_IMAGES: 'example.com/programs/',
    TENANCY_SECRET_NAMES: 'agents-*, shared',
    TENANCY_IDENTITIES: 'aws:arn:aws:iam::111122223333:role/agents-*,google',
  };
  expect(settingsFrom({ ...needed, ...tenancy }).tenancy).toEqual({
    podTemplate: 'Any',
    images: ['example.com/a', 'example.com/b/'],
    programImages: ['example.com/programs/'],
    secretNames: ['agents-*', 'shared'],
    identities: ['aws:arn:aws:iam::111122223333:role/agents-*', 'google'],
  });
  expect(settingsFrom({ ...needed, TENANCY_SECRET_NAMES: '' }).tenancy.secretNames).toEqual([]);
  expect(() => settingsFrom({ ...needed, TENANCY_POD_TEMPLATE: 'Some' })).toThrow(
    'set TENANCY_POD_TEMPLATE to Restricted or Any',
  );
  expect(() => settingsFrom({ ...needed, TENANCY_SECRET_NAMES: '^a$' })).toThrow(
    'set TENANCY_SECRET_NAMES',
  );
  expect(() => settingsFrom({ ...needed, TENANCY_IDENTITIES: 'aws;google' })).toThrow(
    'set TENANCY_IDENTITIES',
  );
});

it('the operator refuses to watch its own namespace', () => {
  for (const name of ['WATCH_NAMESPACE', 'WATCH_NAMESPACES'])
    expect(() => settingsFrom({ ...needed, [name]: 'system' })).toThrow(
      "set WATCH_NAMESPACES to other namespaces than the operator's own",
    );
});

it('the settings contain the watched namespaces and the labels of agents and policies', () => {
  const share = (env: Record<string, string>): unknown => settingsFrom({ ...needed, ...env }).share;
  expect(share({ WATCH_NAMESPACES: 'a, b,a', WATCH_NAMESPACE: 'c' })).toEqual({
    namespaces: ['a', 'b', 'c'],
  });
  expect(() => share({ WATCH_NAMESPACES: 'a b' })).toThrow('set WATCH_NAMESPACES to names');
  for (const selector of [
    'share=a',
    'example.com/share!=a,!old',
    'share in (a, b),team notin (c),new',
    'share=',
  ])
    expect(share({ WATCH_SELECTOR: selector })).toEqual({ namespaces: [], selector });
  for (const wrong of ['=a', 'share in a', 'share=a b', 'a,,b', 'share in (a'])
    expect(() => share({ WATCH_SELECTOR: wrong })).toThrow('set WATCH_SELECTOR to a selector');
});

it('the address of the runbooks must be a URL', () => {
  const runbooks = 'https://example.com/runbooks';
  expect(settingsFrom({ ...needed, RUNBOOKS_URL: runbooks }).runbooks).toBe(runbooks);
  expect(() => settingsFrom({ ...needed, RUNBOOKS_URL: 'runbooks' })).toThrow('RUNBOOKS_URL');
});

it('the collector of all agents must be a URL, with a ratio from 0 to 1', () => {
  const collector = { ...needed, TRACING_ENDPOINT: 'http://collector:4318' };
  expect(settingsFrom(collector).tracing).toEqual({
    endpoint: 'http://collector:4318',
    ratio: 1,
    parentBased: true,
  });
  expect(
    settingsFrom({ ...collector, TRACING_RATIO: '0.1', TRACING_PARENT_BASED: 'false' }).tracing,
  ).toMatchObject({ ratio: 0.1, parentBased: false });
  expect(() => settingsFrom({ ...needed, TRACING_ENDPOINT: 'collector' })).toThrow(
    'TRACING_ENDPOINT',
  );
  expect(() => settingsFrom({ ...collector, TRACING_RATIO: '2' })).toThrow('TRACING_RATIO');
  expect(settingsFrom(collector).ownTracing).toBeUndefined();
  const own = { ...collector, OPERATOR_TRACING_ENDPOINT: 'http://own:4318' };
  expect(settingsFrom(own).ownTracing).toMatchObject({ endpoint: 'http://own:4318', ratio: 1 });
  expect(() => settingsFrom({ ...own, OPERATOR_TRACING_RATIO: '-1' })).toThrow(
    'OPERATOR_TRACING_RATIO',
  );
});

it('the operator reaches pods directly or by port-forward', () => {
  expect(settingsFrom({ ...needed, LINKS: 'PortForward' }).links).toBe('PortForward');
  expect(() => settingsFrom({ ...needed, LINKS: 'Tunnel' })).toThrow('set LINKS to PortForward');
});

it.each([
  ['2s', 2_000],
  ['750ms', 750],
])('the time for a pod to accept a connection may be %s', (value, ms) => {
  const { dialling } = settingsFrom({ ...needed, LINK_CONNECT_TIMEOUT: value });
  expect(dialling.connectMs).toBe(ms);
});

it.each(['1500', '0s', '1m', 'soon'])('does not take %s for a time', (value) => {
  expect(() => settingsFrom({ ...needed, LINK_CONNECT_TIMEOUT: value })).toThrow(
    'set LINK_CONNECT_TIMEOUT to a time such as 1500ms or 2s',
  );
});

it('one error names all wrong settings', () => {
  expect(() =>
    settingsFrom({
      POD_NAME: 'x',
      LOG_LEVEL: 'loud',
      HEALTH_PORT: 'http',
      RUNTIME_UPGRADE_CONCURRENCY: '0',
    }),
  ).toThrow(
    "The operator cannot start: set LOG_LEVEL to one of trace, debug, info, warn, error, fatal, silent; set POD_NAMESPACE to the operator's own namespace; set RUNTIME_IMAGE to the image that agents run by default; set RUNTIME_UPGRADE_CONCURRENCY to a whole number, 1 or more; set HEALTH_PORT to a port number, 0 to 65535",
  );
});

it('the settings contain levels of logs by module', () => {
  expect(settingsFrom(needed).logLevels).toEqual({});
  expect(settingsFrom({ ...needed, LOG_LEVELS: 'links=debug,reconcile=warn' }).logLevels).toEqual({
    links: 'debug',
    reconcile: 'warn',
  });
  for (const wrong of ['links', 'links=loud', 'all=debug'])
    expect(() => settingsFrom({ ...needed, LOG_LEVELS: wrong })).toThrow('set LOG_LEVELS to pairs');
});
