import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  CONTROL_AUDIENCE,
  LINK_PATH,
  LINK_PROTOCOL,
  OPERATOR_COMMON_NAME,
} from '../../contract/link.ts';
import type { Pod } from '../kit/agents.ts';
import { selfSigned } from '../kit/certificate.ts';
import type { PortForward } from '../kit/port-forward.ts';
import { portForward } from '../kit/port-forward.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(120_000);

const TOKEN_FILE = '/var/run/secrets/breakwater.dev/control/token';

interface TokenPayload {
  aud: string[];
  'kubernetes.io': { pod: { name: string } };
}

/** How a try to open a link ended: open, or the message of the error. */
async function tryLink(port: number, options: WebSocket.ClientOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = new WebSocket(`wss://127.0.0.1:${port}${LINK_PATH}`, LINK_PROTOCOL, {
    rejectUnauthorized: false,
    handshakeTimeout: 10_000,
    ...options,
  });
  // With TLS 1.3 a client learns only after its own handshake that it was refused.
  socket.on('message', () => resolve('open'));
  socket.on('error', (error) => resolve(error.message));
  socket.on('close', () => resolve('closed'));
  const outcome = await promise;
  socket.terminate();
  return outcome;
}

describe('the control port of a pod', () => {
  let sandbox: Sandbox;
  let pods: Pod[];
  let control: PortForward[];

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
    control = await Promise.all(
      pods.map(({ metadata }) =>
        portForward(sandbox.kubectl, sandbox.namespace, `pod/${metadata.name}`, 9443),
      ),
    );
  });

  afterAll(async () => {
    for (const way of control ?? []) way.stop();
    await sandbox.close();
  });

  it('refuses a client without a certificate', async () => {
    expect(await tryLink(control[0]!.port, {})).toMatch(/certificate|closed|hang up|ECONNRESET/i);
  });

  it("refuses a client whose certificate has the operator's name and another authority", async () => {
    const { certificate, key } = await selfSigned(OPERATOR_COMMON_NAME);
    const outcome = await tryLink(control[0]!.port, { cert: certificate, key });
    expect(outcome).toMatch(/unknown ca|certificate|closed|hang up|ECONNRESET/i);
  });

  it("refuses one pod's own credentials on another pod", async () => {
    const [from, to] = pods as [Pod, Pod];
    const { certificate, key } = await selfSigned(from.metadata.name);
    const outcome = await tryLink(control[1]!.port, {
      cert: certificate,
      key,
      headers: { authorization: `Bearer ${await token(from)}` },
    });
    expect(outcome).toMatch(/unknown ca|certificate|closed|hang up|ECONNRESET/i);
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

  it('stays linked to the operator all the while', async () => {
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
