import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  CONTROL_AUDIENCE,
  LINK_PATH,
  LINK_PROTOCOL,
  OPERATOR_COMMON_NAME,
} from '../../contract/link.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import type { Authority } from '../../operator/links/authority.ts';
import { createAuthority, issueClientCertificate } from '../../operator/links/authority.ts';
import type { Pod } from '../kit/agents.ts';
import { OPERATOR_NAMESPACE } from '../kit/platform.ts';
import { portForward } from '../kit/portForward.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(120_000);

const TOKEN_FILE = '/var/run/secrets/breakwater.dev/control/token';

interface TokenPayload {
  aud: string[];
  'kubernetes.io': { pod: { name: string } };
}

const REFUSED = /unknown ca|certificate|403|closed|hang up|ECONNRESET/i;

/** Connects to a control port with a certificate of this authority. Returns the first message, or the refusal. */
async function dial(
  port: number,
  shown?: { authority: Authority; commonName: string },
  headers: Record<string, string> = {},
): Promise<string> {
  const credentials =
    shown && (await issueClientCertificate(shown.authority, { ...shown, lifeMs: 86_400_000 }));
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(`wss://127.0.0.1:${port}${LINK_PATH}`, LINK_PROTOCOL, {
    rejectUnauthorized: false,
    handshakeTimeout: 10_000,
    headers,
    ...(credentials && { cert: credentials.certificate, key: credentials.key }),
  });
  socket.on('message', (data: Buffer) => resolve(data.toString()));
  socket.on('error', (error) => resolve(error.message));
  socket.on('close', () => resolve('closed'));
  const outcome = await promise;
  socket.terminate();
  return outcome;
}

type ParametersAfterFirst<F> = F extends (first: never, ...rest: infer R) => unknown ? R : never;

interface Secret extends KubernetesObject {
  data: Record<string, string>;
}

describe('the control port of a pod', () => {
  let sandbox: Sandbox;
  let pods: Pod[];

  const inPod = (pod: Pod, script: string): Promise<string> =>
    sandbox.kubectl.run([
      ...[
        'exec',
        '-n',
        sandbox.namespace,
        pod.metadata.name,
        '--',
        '/nodejs/bin/node',
        '-e',
        script,
      ],
    ]);

  const token = (pod: Pod): Promise<string> =>
    inPod(pod, `process.stdout.write(require('fs').readFileSync('${TOKEN_FILE}', 'utf8'))`);

  beforeAll(async () => {
    sandbox = await Sandbox.open('identity');
    await sandbox.apply(
      sandbox.agent({ name: 'warden', replicas: 2, baseURL: 'http://nowhere.invalid' }),
    );
    await sandbox.agents.waitForAgent('warden');
    pods = await sandbox.agents.readyPods('warden');
  });

  afterAll(() => sandbox.close());

  /** Connects to a pod. A broken connection ends kubectl port-forward, so each attempt has its own. */
  async function tryLink(pod: Pod, ...shown: ParametersAfterFirst<typeof dial>): Promise<string> {
    const { name } = pod.metadata;
    const way = await portForward(sandbox.kubectl, sandbox.namespace, `pod/${name}`, 9443);
    try {
      return await dial(way.port, ...shown);
    } finally {
      way.stop();
    }
  }

  /** The authority in the operator's namespace. */
  async function operatorAuthority(): Promise<Authority> {
    const { data } = await sandbox.api.get<Secret>(
      'secrets',
      OPERATOR_NAMESPACE,
      'breakwater-authority',
    );
    const text = (key: string): string => Buffer.from(data[key]!, 'base64').toString('utf8');
    return { certificate: text('tls.crt'), key: text('tls.key') };
  }

  it("accepts a client with the operator's certificate", async () => {
    const shown = { authority: await operatorAuthority(), commonName: OPERATOR_COMMON_NAME };
    expect(await tryLink(pods[0]!, shown)).toContain('"type":"Hello"');
  });

  it('refuses a client without a certificate', async () => {
    expect(await tryLink(pods[0]!)).toMatch(REFUSED);
  });

  it("refuses a certificate of the operator's authority in another name", async () => {
    const shown = { authority: await operatorAuthority(), commonName: 'somebody-else' };
    expect(await tryLink(pods[0]!, shown)).toMatch(REFUSED);
  });

  it("refuses a certificate in the operator's name by another authority", async () => {
    const shown = { authority: await createAuthority(), commonName: OPERATOR_COMMON_NAME };
    expect(await tryLink(pods[0]!, shown)).toMatch(REFUSED);
  });

  it("refuses one pod's own credentials on another pod", async () => {
    const [from, to] = pods as [Pod, Pod];
    const own = { authority: await createAuthority(), commonName: from.metadata.name };
    const bearer = { authorization: `Bearer ${await token(from)}` };
    expect(await tryLink(to, own, bearer)).toMatch(REFUSED);
    const script = `
      const tls = require('tls');
      const socket = tls.connect({ host: '${to.status?.podIP}', port: 9443, rejectUnauthorized: false });
      socket.on('secureConnect', () => socket.write('GET ${LINK_PATH} HTTP/1.1\\r\\nhost: x\\r\\nupgrade: websocket\\r\\nconnection: upgrade\\r\\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\\r\\nsec-websocket-version: 13\\r\\nsec-websocket-protocol: ${LINK_PROTOCOL}\\r\\nauthorization: Bearer ' + require('fs').readFileSync('${TOKEN_FILE}', 'utf8') + '\\r\\n\\r\\n'));
      let seen = '';
      socket.on('data', (data) => (seen += data));
      socket.on('error', (error) => (seen += error.code));
      socket.on('close', () => process.stdout.write(seen));
    `;
    expect(await inPod(from, script)).not.toMatch(/101 Switching|Hello/);
  });

  it('stays linked to the operator meanwhile', async () => {
    const agent = await sandbox.agents.waitForAgent('warden');
    expect(agent.status?.summary?.circuits).toBe('2/2');
  });

  it('is in a pod without a token for the Kubernetes API', async () => {
    const [pod] = pods as [Pod];
    const found = await inPod(
      pod,
      "process.stdout.write(String(require('fs').existsSync('/var/run/secrets/kubernetes.io/serviceaccount')))",
    );
    expect(found).toBe('false');
    const text = await token(pod);
    const payload = JSON.parse(
      Buffer.from(text.split('.')[1]!, 'base64url').toString('utf8'),
    ) as TokenPayload;
    expect(payload.aud).toEqual([CONTROL_AUDIENCE]);
    expect(payload['kubernetes.io'].pod.name).toBe(pod.metadata.name);

    const server = await sandbox.kubectl.run([
      ...['config', 'view', '--minify', '-o', 'jsonpath={.clusters[0].cluster.server}'],
    ]);
    const refused = await sandbox.kubectl.exec('kubectl', [
      '--kubeconfig=/dev/null',
      `--server=${server}`,
      '--insecure-skip-tls-verify',
      `--token=${text}`,
      ...['get', '--raw', '/api/v1/namespaces'],
    ]);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthorized|logged in/i);
  });
});
