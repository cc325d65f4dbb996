import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { pino } from 'pino';
import type { Configuration, Content } from '../../contract/generated/types.ts';
import { MOUNTS_VARIABLE } from '../../contract/mounts.ts';
import type { RateLimitPolicy } from '../../crds/generated/types.ts';
import { hashContent, resolveContent } from '../../operator/desired/configuration/content.ts';
import { planPods } from '../../operator/desired/objects/pods.ts';
import type { PodTemplate } from '../../operator/desired/objects/objects.ts';
import {
  agentFixture,
  bucketFixture,
  endpoint,
  limitFixture,
  modelOf,
  OPTIONS,
} from '../../operator/testing/fixtures.ts';
import { Clients, isRefusal } from '../../runtime/clients/clients.ts';
import { ActiveConfiguration } from '../../runtime/control/configuration.ts';
import { PRINCIPAL } from '../../runtime/guard/admission.ts';
import { Guard } from '../../runtime/guard/guard.ts';
import { Credentials } from '../../runtime/mounts/credentials.ts';
import { authentication } from '../../runtime/model/pool/authentication.ts';
import { credentialHeader } from '../../runtime/model/provider/request.ts';
import { FakeClock } from '../../runtime/testing/fakeClock.ts';
import fc from '../property.ts';

/** Secrets and ConfigMaps of the namespace, with their keys. */
const STORED: Record<string, Record<string, string>> = {
  'team-a': { alice: 'key-alice', bob: 'key-bob' },
  'team-b': { alice: 'key-alice', carol: 'key-carol' },
  anthropic: { 'api-key': 'valid-1', 'other-key': 'valid-2' },
  spare: { 'api-key': 'valid-3' },
  gateway: { token: 'valid-4' },
  authorities: { 'ca.crt': 'PEM', 'next.crt': 'PEM' },
};

/** What an edit may set. */
const edit = fc.record({
  callers: fc.constantFrom(undefined, 'team-a', 'team-b'),
  key: fc.constantFrom(undefined, 'anthropic/api-key', 'anthropic/other-key', 'spare/api-key'),
  header: fc.boolean(),
  endpoint: fc.constantFrom('primary', 'main'),
  /** Key of the authorities of a gateway inside the network. Absent: the endpoint is public. */
  authorities: fc.constantFrom(undefined, 'ca.crt', 'next.crt'),
  limit: fc.constantFrom(undefined, 'Each', 'All'),
  drain: fc.constantFrom('30s', '60s'),
});
type Edit = typeof edit extends fc.Arbitrary<infer E> ? E : never;

const pod = fc.nat({ max: 2 });
const step = fc.oneof(
  { weight: 3, arbitrary: edit.map((to) => ({ do: 'edit' as const, to })) },
  { weight: 4, arbitrary: pod.map((index) => ({ do: 'push' as const, index })) },
  { weight: 2, arbitrary: pod.map((index) => ({ do: 'file' as const, index })) },
  { weight: 2, arbitrary: pod.map((index) => ({ do: 'restart' as const, index })) },
  { weight: 2, arbitrary: pod.map((index) => ({ do: 'replace' as const, index })) },
  { weight: 1, arbitrary: pod.map((index) => ({ do: 'recreate' as const, index })) },
);

interface Version {
  configuration: Configuration;
  template: PodTemplate;
}

/** The configuration and the pod template that the operator makes of an edit. */
function versionOf(to: Edit, counter: number): Version {
  const [name, key] = to.key?.split('/') ?? [];
  const agent = agentFixture('triage');
  agent.spec.model = modelOf(
    endpoint(to.endpoint, {
      baseURL: to.authorities === undefined ? 'https://public.test' : 'https://inside.test',
      ...(to.key !== undefined && { apiKeySecretRef: { name: name!, key: key! } }),
      ...(to.header && {
        headersFrom: [
          { name: 'x-gateway', prefix: '', secretKeyRef: { name: 'gateway', key: 'token' } },
        ],
      }),
    }),
  );
  if (to.callers !== undefined) {
    agent.spec.auth = {
      ...agent.spec.auth,
      type: 'APIKeys',
      apiKeys: { secretRef: { name: to.callers } },
    };
  }
  if (to.authorities !== undefined) {
    agent.spec.trustedCA = { configMapKeyRef: { name: 'authorities', key: to.authorities } };
  }
  agent.spec.shutdown = { ...agent.spec.shutdown, drainTimeout: to.drain };
  const limits = new Map<string, RateLimitPolicy>();
  if (to.limit !== undefined) {
    const each = {
      capacity: 1,
      refill: { amount: 1, per: '1h' },
      key: { type: 'Client' as const },
    };
    const bucket = bucketFixture('requests', to.limit === 'Each' ? each : {});
    limits.set('inbound', limitFixture('limits', { limits: [bucket] }));
  }
  const content = resolveContent(agent, { circuits: new Map(), limits });
  const configuration = { revision: { term: 1, counter }, hash: hashContent(content), content };
  return { configuration, template: planPods(agent, OPTIONS, undefined).template };
}

interface Mounts {
  volumeMounts: { name: string; mountPath: string }[];
  env: { name: string; value?: string }[];
}
interface Source {
  name: string;
  secret?: { secretName: string; items?: { key: string }[] };
  configMap?: { name: string; items?: { key: string }[] };
}

/** A pod with the runtime's own configuration, authentication, credentials and guard. */
class Pod {
  readonly since: number;
  readonly template: PodTemplate;
  readonly directory = mkdtempSync(join(tmpdir(), 'edits-'));
  /** What its emptyDir holds. */
  #kept: unknown;
  active!: ActiveConfiguration;
  /** Whether it has served. */
  served = false;

  constructor(template: PodTemplate, since: number, file: Configuration) {
    this.template = template;
    this.since = since;
    this.#mount();
    this.start(file);
  }

  /** Mounts volumes as the kubelet does. */
  #mount(): void {
    const volumes = this.template.spec.volumes as Source[];
    for (const { name, mountPath } of this.#container().volumeMounts) {
      const { secret, configMap } = volumes.find((volume) => volume.name === name)!;
      const stored = STORED[secret?.secretName ?? configMap?.name ?? ''] ?? {};
      const items = (secret ?? configMap)?.items?.map(({ key }) => key);
      for (const [key, text] of Object.entries(stored)) {
        if (items && !items.includes(key)) continue;
        const path = join(this.directory, mountPath, key);
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text);
      }
    }
  }

  #container(): Mounts {
    return this.template.spec.containers[0] as unknown as Mounts;
  }

  /** Starts its process, which reads the mounted file. */
  start(file: Configuration): void {
    const mounts = this.#container().env.find(({ name }) => name === MOUNTS_VARIABLE)?.value;
    const active: ActiveConfiguration = new ActiveConfiguration({
      apply: () => undefined,
      date: () => new Date(0),
      onChange: () => undefined,
      onTampered: () => undefined,
      ...(mounts !== undefined && { mounts: new Set(mounts.split(',')) }),
      former: {
        read: () => this.#kept,
        save: () => {
          this.#kept = active.configuration;
          return Promise.resolve();
        },
      },
      log: pino({ level: 'silent' }),
    });
    this.active = active;
    active.offerFile(JSON.stringify(file));
  }

  get ready(): boolean {
    return !this.active.unservable;
  }

  get graceSeconds(): number {
    return this.template.spec['terminationGracePeriodSeconds'] as number;
  }

  get shutdownSeconds(): number {
    const { endpointLagMs, drainTimeoutMs, handlerTimeoutMs } =
      this.active.configuration!.content.shutdown;
    return (endpointLagMs + drainTimeoutMs + handlerTimeoutMs) / 1000;
  }

  /** The content in force, with the paths of this pod's directory. */
  #content(): Content {
    const text = JSON.stringify(this.active.configuration!.content);
    return JSON.parse(text.replaceAll(/"(?=\/(var|etc)\/)/g, `"${this.directory}`)) as Content;
  }

  /** Which of the clients get answers, one request each. */
  async serves(clients: readonly string[]): Promise<string[]> {
    const clock = new FakeClock();
    const content = this.#content();
    const authenticator = new Clients({
      now: () => clock.now(),
      date: () => new Date(0),
      current: { content },
      fetch: () => Promise.reject(new Error('no issuer')),
      addressOf: () => '192.0.2.1',
    });
    const guard = new Guard({ clock, seed: 'pod' });
    guard.apply(content);
    const answered: string[] = [];
    for (const client of clients) {
      const rawHeaders = ['x-api-key', 'valid-client'];
      if (client !== 'anybody') rawHeaders.push('authorization', `Bearer key-${client}`);
      const headers = Object.fromEntries(
        [0, 2].slice(0, rawHeaders.length / 2).map((i) => [rawHeaders[i]!, rawHeaders[i + 1]!]),
      );
      const found = await authenticator.identify({ headers, rawHeaders } as IncomingMessage);
      if (isRefusal(found)) continue;
      const header = (name: string): string | undefined =>
        name === PRINCIPAL ? found.principal : undefined;
      const admitted = guard.inbound.acquire({ header });
      if (admitted.kind !== 'Permit' || !reaches(content, found.headers)) continue;
      answered.push(client);
    }
    guard.close();
    return answered;
  }
}

/** Whether some endpoint in force accepts the credentials that the pod would send. */
function reaches(content: Content, clientHeaders: readonly string[]): boolean {
  const credentials = new Credentials(() => 0);
  const at = clientHeaders.indexOf('x-api-key');
  return content.endpoints.some((each) => {
    const shown = authentication(each, credentials, { of: () => undefined });
    if ('lacking' in shown) return false;
    const inside = each.baseURL.includes('inside');
    if (inside && !(content.trustedCA && existsSync(content.trustedCA.path))) return false;
    const [, key = clientHeaders[at + 1]] = credentialHeader(shown.credentials, 'x-api-key') ?? [];
    return key?.startsWith('valid') === true;
  });
}

const CLIENTS = ['alice', 'bob', 'carol', 'anybody'];

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

it('no sequence of edits refuses a request that all configurations since a pod began would serve', async () => {
  const begin = (version: Version, since: number, file = version.configuration): Pod => {
    const one = new Pod(version.template, since, file);
    directories.push(one.directory);
    return one;
  };
  const served = async (version: Version): Promise<Set<string>> =>
    new Set(await begin(version, 0).serves(CLIENTS));
  await fc.assert(
    fc.asyncProperty(edit, fc.array(step, { maxLength: 25 }), async (first, steps) => {
      const versions = [versionOf(first, 1)];
      const serving = [await served(versions[0]!)];
      const latest = (): Version => versions.at(-1)!;
      const pods = [0, 1, 2].map(() => begin(versions[0]!, 0));
      const check = async (): Promise<void> => {
        for (const each of pods) {
          if (each.served) expect(each.ready).toBe(true);
          if (!each.ready) continue;
          each.served = true;
          expect(each.shutdownSeconds).toBeLessThan(each.graceSeconds);
          const due = CLIENTS.filter((client) =>
            serving.slice(each.since).every((those) => those.has(client)),
          );
          expect(await each.serves(due)).toEqual(due);
        }
      };
      const replaced = (): Pod => begin(latest(), versions.length - 1);
      for (const each of steps) {
        if (each.do === 'edit') {
          versions.push(versionOf(each.to, versions.length + 1));
          serving.push(await served(latest()));
          continue;
        }
        const one = pods[each.index]!;
        const { configuration } = latest();
        if (each.do === 'push') one.active.offerPush(1, configuration);
        else if (each.do === 'file') one.active.offerFile(JSON.stringify(configuration));
        else if (each.do === 'restart') one.start(configuration);
        else if (each.do === 'replace') pods[each.index] = replaced();
        // Its ReplicaSet makes another pod of the same template while the rollout does not go on.
        else pods[each.index] = begin(versions[one.since]!, one.since, configuration);
        await check();
      }
      for (const index of pods.keys()) pods[index] = replaced();
      await check();
      for (const { active, ready } of pods) {
        expect(active.status()).toMatchObject({ hash: latest().configuration.hash });
        expect([ready, active.status().waiting]).toEqual([true, undefined]);
      }
    }),
    { numRuns: 60 },
  );
});
