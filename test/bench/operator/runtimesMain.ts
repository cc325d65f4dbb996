/**
 * Simulated runtimes of all pods in one process: the real protocol over real TLS, with tokens of the API server.
 * Reports received configurations to its parent and obeys the parent's orders.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import { createServer as createPort } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import type {
  CircuitStatus,
  Command,
  Configuration,
  Hello,
  Report,
  Revision,
  Snapshot,
} from '../../../contract/generated/types.ts';
import {
  CONTRACT_VERSION,
  CONTROL_AUDIENCE,
  FEATURES,
  INBOUND,
  LINK_PATH,
  LINK_PROTOCOL,
  PORTS,
  REPORT_INTERVAL,
} from '../../../contract/link.ts';
import { AGENT_LABEL } from '../../../operator/desired/common/metadata.ts';
import { Informer, KubeClient, Transport, type Pod } from '../../../operator/kube/index.ts';
import { Pods } from '../../../operator/resources/resources.ts';
import { Registry } from 'prom-client';
import { selfSignedIdentity } from '../../../runtime/control/certificate.ts';
import { ReportPace } from '../../../runtime/control/reportPace.ts';
import { systemClock } from '../../../runtime/guard/clock.ts';
import { Guard } from '../../../runtime/guard/guard.ts';
import type { Admission } from '../../../runtime/guard/permit.ts';
import { OK } from '../../../runtime/resilience/outcome.ts';
import { type Access, clusterOf } from '../../kit/operator/access.ts';
import type { Order, Tell } from './runtimes.ts';

const { access, authority, dead } = JSON.parse(process.env['BENCH']!) as {
  access: Access;
  authority: string;
  dead?: string;
};
const DEPENDENCY = 'model/primary';
const transport = new Transport({ config: clusterOf(access), registry: new Registry() });
const pods = new Informer({
  client: new KubeClient(transport),
  resource: Pods,
  labelSelector: AGENT_LABEL,
});
pods.addIndex('ip', (pod) => (pod.status?.podIP ? [pod.status.podIP] : []));
pods.start(new AbortController().signal);

const tell = (message: Tell): void => void process.send!(message);
/** Messages about limits of the fleet. */
let messages = 0;
const ASKED = { cost: { inputTokens: 1, outputTokens: 1 } };
const clock = (): number => performance.timeOrigin + performance.now();

/** The runtime of one pod. It lives as long as this process. */
class Runtime {
  readonly boot = randomUUID();
  readonly startedAt = new Date().toISOString();
  readonly key: string;
  readonly #pod: Pod;
  #token: Promise<string> | undefined;
  #term = 0;
  #hash: string | undefined;
  #revision: Revision | undefined;
  #circuit: CircuitStatus = { dependency: DEPENDENCY, state: 'Closed', since: this.startedAt };
  #sequence = 0;
  #rejected = 0;
  /** Name of the limit on its requests. */
  #limitedBy: string;
  readonly #pace = new ReportPace();
  /** Absent unless a limit has scope Fleet. */
  #guard: Guard | undefined;
  link: WebSocket | undefined;

  constructor(pod: Pod) {
    this.#pod = pod;
    this.key = `${pod.metadata.namespace}/${pod.metadata.labels![AGENT_LABEL]}`;
    this.#limitedBy = pod.metadata.labels![AGENT_LABEL]!;
  }

  async open(link: WebSocket): Promise<void> {
    const { namespace, name, uid } = this.#pod.metadata;
    this.link = link;
    link.on('message', (data: Buffer) => this.#obey(JSON.parse(data.toString()) as Command));
    link.on('error', () => undefined);
    this.#token ??= tokenOf(this.#pod);
    const hello: Hello = {
      type: 'Hello',
      contract: CONTRACT_VERSION,
      features: [...FEATURES],
      runtimeVersion: 'bench',
      pod: { namespace: namespace!, name, uid: uid! },
      boot: this.boot,
      startedAt: this.startedAt,
      token: await this.#token,
      highestTerm: this.#term,
      ...(this.#hash !== undefined && { hash: this.#hash }),
      ...(this.#revision && { revision: this.#revision }),
    };
    link.send(JSON.stringify(hello));
    link.send(JSON.stringify(this.#snapshot()));
  }

  /** Opens or closes the circuit. */
  change(to: 'Open' | 'Closed'): void {
    const time = new Date().toISOString();
    const from = this.#circuit.state;
    this.#circuit = { ...this.#circuit, state: to, since: time };
    const { policy } = this.#circuit;
    this.#sequence += 1;
    tell({ type: 'changed', key: this.key, at: clock() });
    this.#say({
      type: 'Transition',
      transition: {
        ...(policy !== undefined && { policy }),
        sequence: this.#sequence,
        time,
        dependency: DEPENDENCY,
        from,
        to,
        reason: 'bench',
      },
      circuit: this.#circuit,
    });
  }

  /** Changes numbers as a second of traffic does. */
  count(): void {
    this.#rejected += Math.floor(Math.random() * 5);
    if (this.#pace.tick() !== 'Changes') return;
    const usedPercent = Math.floor(Math.random() * 100);
    this.#say({
      type: 'Counters',
      circuits: [],
      limits: [
        {
          target: INBOUND,
          policy: this.#limitedBy,
          name: 'requests',
          usedPercent,
          rejected: this.#rejected,
          limiting: false,
        },
      ],
    });
  }

  /** Serves so many requests at once. */
  serve(requests: number): void {
    const settle = (admission: Admission): void => {
      if (admission.kind !== 'Rejection') admission.settle(OK);
    };
    for (let i = 0; i < requests; i += 1) {
      const answer = this.#guard?.inbound.acquire(ASKED);
      if (answer?.kind === 'Waiting') void answer.admission.then(settle);
      else if (answer !== undefined) settle(answer);
    }
  }

  #obey(command: Command): void {
    this.#term = Math.max(this.#term, command.term);
    if (command.type === 'Configure') return this.#configure(command.configuration);
    if (command.type === 'Announce') {
      return this.#pace.setInterval(command.reportEveryMs ?? REPORT_INTERVAL.leastMs);
    }
    if (command.type !== 'Grant' && command.type !== 'Release') return;
    messages += 1;
    const answer = this.#guard?.fleet.apply(command);
    if (answer) this.#say(answer);
  }

  #configure({ hash, revision, content }: Configuration): void {
    this.#hash = hash;
    this.#revision = revision;
    if (content.limits.some(({ fleet }) => fleet !== undefined)) {
      const leader = { send: (report: Report) => this.#say(report) };
      this.#guard ??= new Guard({ clock: systemClock, leader });
      this.#guard.apply(content);
    }
    this.#limitedBy =
      content.limits.find(({ target }) => target === INBOUND)?.policy ?? this.#limitedBy;
    const policy = content.circuits[0]?.policy;
    if (policy !== undefined) this.#circuit = { ...this.#circuit, policy };
    tell({ type: 'configured', key: this.key, hash: this.#hash, at: clock() });
    this.#say(this.#snapshot());
  }

  #snapshot(): Snapshot {
    return {
      type: 'Snapshot',
      configuration: {
        ...(this.#hash !== undefined && { hash: this.#hash }),
        ...(this.#revision && { revision: this.#revision }),
        source: 'Link',
        unsupported: [],
      },
      circuits: [this.#circuit],
      limits: [],
      transitions: [],
      missingCredentials: [],
      gates: [],
    };
  }

  #say(report: Report): void {
    if (report.type === 'Fleet') messages += 1;
    if (this.link?.readyState === this.link?.OPEN) this.link?.send(JSON.stringify(report));
  }
}

async function tokenOf({ metadata, spec }: Pod): Promise<string> {
  const { namespace, name, uid } = metadata;
  const answer = await transport.request<{ status: { token: string } }>({
    method: 'POST',
    path: `/api/v1/namespaces/${namespace}/serviceaccounts/${spec.serviceAccountName}/token`,
    body: {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: [CONTROL_AUDIENCE],
        expirationSeconds: 7_200,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    },
  });
  return answer.status.token;
}

const runtimes = new Map<string, Runtime>();

function runtimeAt(ip: string): Runtime | undefined {
  const [pod] = pods.byIndex('ip', ip);
  if (!pod) return undefined;
  let runtime = runtimes.get(pod.metadata.uid!);
  if (!runtime) {
    runtime = new Runtime(pod);
    runtimes.set(pod.metadata.uid!, runtime);
  }
  return runtime;
}

const byKey = (key: string): Runtime | undefined =>
  [...runtimes.values()].find((runtime) => runtime.key === key);

let steady: NodeJS.Timeout | undefined;
const SLICES = 20;

/** Calls `what` for each runtime once a second: for a twentieth of them every 50 ms. */
function eachSecond(what: ((runtime: Runtime) => void) | undefined): void {
  clearInterval(steady);
  if (what === undefined) return;
  let slice = 0;
  steady = setInterval(() => {
    slice = (slice + 1) % SLICES;
    let index = 0;
    for (const runtime of runtimes.values()) if (index++ % SLICES === slice) what(runtime);
  }, 1_000 / SLICES);
}

process.on('message', (order: Order) => {
  if (order.type === 'traffic') return eachSecond(order.on ? (each) => each.count() : undefined);
  if (order.type === 'calls') return eachSecond((each) => each.serve(order.perSecond));
  if (order.type === 'count') return tell({ type: 'counted', messages });
  const chosen = order.key === undefined ? [...runtimes.values()] : [byKey(order.key)];
  for (const runtime of chosen) runtime?.change(order.to);
});
process.on('disconnect', () => process.exit(0));

const server = createServer({
  ...(await selfSignedIdentity('pods', new Date())),
  ca: authority,
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 'TLSv1.3',
});
const sockets = new WebSocketServer({
  server,
  path: LINK_PATH,
  perMessageDeflate: false,
  handleProtocols: () => LINK_PROTOCOL,
});
sockets.on('connection', (link, { socket }) => {
  const runtime = runtimeAt(socket.localAddress ?? '');
  if (!runtime) return link.close(1011, 'no such pod');
  runtime.open(link).catch(() => link.terminate());
});
server.on('tlsClientError', () => undefined);
/** Each pod's address has its own listener, so that other addresses stay free. */
const listening = new Set<string>();
pods.onChange((pod) => {
  const ip = pod?.status?.podIP;
  if (ip === undefined || ip === dead || listening.has(ip)) return;
  listening.add(ip);
  createPort((socket) => server.emit('connection', socket)).listen(PORTS.control, ip);
});
await pods.synced;
tell({ type: 'ready' });
