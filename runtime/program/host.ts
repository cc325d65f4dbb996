import type { Server, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { canonicalJson } from '../../contract/canonical.ts';
import type { Phase, Registration } from '../../contract/generated/program.ts';
import type { Content, HealthCheckStatus, ProgramStatus } from '../../contract/generated/types.ts';
import type { HandlerEnd, Lifecycle } from '../api/lifecycle.ts';
import { listen, portOf } from '../api/listen.ts';
import type { Agent } from '../conversations/agent.ts';
import { GuardedCalls } from '../conversations/tools/guardedCall.ts';
import type { Tools } from '../conversations/tools/toolbox.ts';
import type { Arrived } from '../exchange/exchange.ts';
import type { MessagesParts } from '../exchange/messages.ts';
import type { SendError, Served } from '../exchange/response.ts';
import type { Clock } from '../guard/clock.ts';
import type { Guard } from '../guard/guard.ts';
import type { Performance } from '../observe/performance.ts';
import type { RequestTraces } from '../observe/requestTraces.ts';
import type { Peers } from '../peers/peers.ts';
import type { ByteBudget } from '../resilience/byteBudget.ts';
import type { Outcome } from '../resilience/outcome.ts';
import type { Audit } from '../security/audit/audit.ts';
import type { Detection } from '../security/incidents/incident.ts';
import type { Incidents } from '../security/incidents/incidents.ts';
import type { Current } from '../snapshot/snapshot.ts';
import { auditRoutes } from './auditRoutes.ts';
import { checked } from './checks.ts';
import { Gateway } from './gateway.ts';
import { HealthReports } from './healthReports.ts';
import { incidentRoutes } from './incidentRoutes.ts';
import { LifecycleRoute } from './lifecycleRoute.ts';
import { localServer } from './localServer.ts';
import type { LocalRoutes } from './localServer.ts';
import { modelRoutes } from './modelCalls.ts';
import { Monitor } from './monitor.ts';
import { OpenRequests } from './openRequests.ts';
import { ProgramTools } from './programTools.ts';
import { PROGRAM_INSTANCES, Tasks } from './tasks.ts';
import { toolRoutes } from './toolRoute.ts';
import { Values } from './values.ts';

export interface HostDeps {
  pod: { namespace: string; name: string };
  version: string;
  /** Port of the local API; 0 chooses a free one. */
  port: number;
  /** Address of the pod. */
  self: string;
  clock: Clock;
  current: Current;
  guard: Guard;
  /** What serves requests at the agent's own port. */
  serving: MessagesParts & { peers: Peers };
  agent: Pick<Agent, 'callTool'>;
  audit: Audit;
  incidents: Incidents;
  report: (detection: Detection) => void;
  performance: Performance;
  traces: RequestTraces;
  lifecycle: Lifecycle;
  byteBudget: ByteBudget;
  registry: Registry;
  sendError: SendError;
  /** Token of the local API. */
  token: () => string | undefined;
  onOutcome: (dependency: string, outcome: Outcome) => void;
  /** A handler of the program's shutdown has ended. */
  onHandler: (name: string, end: HandlerEnd, error?: unknown) => void;
  /** Largest size of the program's cache, in bytes. */
  maxCacheBytes: number;
  log: Logger;
}

/** Features that a program can ask for: the routes of this version. */
const FEATURES = [
  ...['Lifecycle', 'Messages', 'Tools', 'Tasks', 'Performance', 'Cache'],
  ...['Audit', 'Incidents', 'Health', 'Shutdown'],
];

/** Time between two attempts to listen on a port that is taken, in milliseconds. */
const LISTEN_RETRY_MS = 1000;
/** Time in which the runtime hears that the pod ends, after the program's container hears so; in milliseconds. */
const DRAIN_BEGINS_MS = 2000;

const PHASES: Record<Lifecycle['phase'], Phase> = {
  Running: 'Running',
  Leaving: 'Leaving',
  Draining: 'Leaving',
  Stopped: 'Drained',
};

/** What belongs to one address of the program. */
interface Link {
  key: string;
  monitor: Monitor;
  gateway: Gateway;
  tools?: ProgramTools | undefined;
}

/** Serves the program of the pod: its API, its clients, its tools, its probes. */
export class ProgramHost {
  readonly #deps: HostDeps;
  readonly #open = new OpenRequests();
  readonly #values: Values;
  readonly #tasks: Tasks;
  readonly #health: HealthReports;
  readonly #lifecycle: LifecycleRoute;
  readonly #server: Server;
  /** By the ids of their processes, the one that registered longest ago first. */
  readonly #instances = new Map<string, Registration>();
  readonly #rejected: Counter<'reason'>;
  readonly #overdue: Counter;
  readonly #onDrained = new Set<() => void>();
  #link: Link | undefined;
  #portTaken: number | undefined;
  #listening = false;
  #closed = false;
  #cancelListen: (() => void) | undefined;
  #cancelOverdue: (() => void) | undefined;

  constructor(deps: HostDeps) {
    const { clock, registry, performance } = deps;
    const now = (): number => clock.now();
    this.#deps = deps;
    this.#values = new Values({ now, maxBytes: deps.maxCacheBytes });
    this.#tasks = new Tasks({ now, date: () => clock.date(), agent: performance });
    this.#health = new HealthReports(clock);
    this.#lifecycle = new LifecycleRoute({ clock, phase: () => this.phase });
    const { sendError, token, log } = deps;
    this.#rejected = new Counter({
      name: 'program_rejected_total',
      help: 'Requests of the program to its local API that were refused, by why.',
      labelNames: ['reason'],
      registers: [registry],
    });
    this.#overdue = new Counter({
      name: 'program_overdue_total',
      help: 'Programs that still answered when their time to end was over.',
      registers: [registry],
    });
    const isUp = (): boolean => this.#link?.monitor.up === true;
    new Gauge({
      name: 'program_up',
      help: 'Whether the program of the pod answers.',
      registers: [registry],
      collect() {
        this.set(isUp() ? 1 : 0);
      },
    });
    const onRejected = (reason: string): void => this.#rejected.inc({ reason });
    this.#server = localServer({ routes: this.#routes(), token, now, sendError, onRejected, log });
    this.#listen();
  }

  get tools(): Tools | undefined {
    return this.#link?.tools;
  }

  get phase(): Phase {
    return PHASES[this.#deps.lifecycle.phase];
  }

  /** Port of the local API; 0 while it does not listen. */
  get port(): number {
    return portOf(this.#server);
  }

  /** Whether the program answers. The kubelet counts for how long it does not. */
  get isUp(): boolean {
    return this.#link?.monitor.up === true;
  }

  /** For the debug pages. */
  shown(): object {
    return {
      ...this.status(),
      instances: [...this.#instances.values()],
      openRequests: this.#open.size,
      tasks: this.#tasks.summaries(),
      cache: this.#values.stats(),
    };
  }

  ranking(): object[] {
    return this.#tasks.ranking();
  }

  apply(content: Content): void {
    this.#values.apply(content.cache);
    const { program } = content;
    const key = canonicalJson([program?.port, program?.tools, program?.health]);
    if (this.#link?.key === key) return;
    void this.#unlink();
    if (!program) return;
    const { clock, self, log } = this.#deps;
    const tools = program.tools && this.#toolsAt(program.port, program.tools.path);
    const onChange = (up: boolean): void => (up ? tools?.started() : tools?.lost());
    const monitor = new Monitor({ program, self, clock, onChange, log });
    const gateway = new Gateway(program.port, {
      ...this.#deps.serving,
      ...{ guard: this.#deps.guard, open: this.#open, log },
      onUnreachable: () => void monitor.look(),
    });
    this.#link = { key, monitor, gateway, tools };
  }

  serve(arrived: Arrived): Promise<Served> {
    return this.#link!.gateway.serve(arrived);
  }

  health(): { ok: boolean; detail?: string } {
    if (this.#portTaken !== undefined) {
      return { ok: false, detail: `port ${this.#portTaken} is taken` };
    }
    if (!this.#listening) return { ok: false, detail: 'the local API does not listen' };
    return this.#link?.monitor.up === true
      ? { ok: true }
      : { ok: false, detail: 'does not answer' };
  }

  checks(): HealthCheckStatus[] {
    return this.#health.statuses();
  }

  status(): ProgramStatus | undefined {
    const link = this.#link;
    if (!link) return undefined;
    const tools = link.tools?.size;
    return {
      ...link.monitor.status,
      ...(tools !== undefined && { tools }),
      ...(this.#portTaken !== undefined && { portTaken: this.#portTaken }),
    };
  }

  /** The pod is in another phase of its end. */
  phaseChanged(): void {
    this.#lifecycle.changed();
    if (this.#deps.lifecycle.phase !== 'Stopped') return;
    for (const wake of this.#onDrained) wake();
    const ms = this.#deps.current.content?.shutdown.programTimeoutMs;
    if (ms !== undefined)
      this.#cancelOverdue = this.#deps.clock.setTimer(ms, () => void this.#late());
  }

  /** Resolves when no request is open in a pod that ends; in other pods, where only the program ends, soon. */
  async whenDrained(response: ServerResponse): Promise<void> {
    const { lifecycle, clock } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.setTimer(DRAIN_BEGINS_MS, () => {
      if (!lifecycle.leaving) resolve();
    });
    this.#onDrained.add(resolve);
    response.on('close', resolve);
    if (lifecycle.phase === 'Stopped') resolve();
    await promise;
    this.#onDrained.delete(resolve);
    cancel();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelListen?.();
    this.#cancelOverdue?.();
    for (const wake of this.#onDrained) wake();
    this.#server.close();
    this.#server.closeAllConnections();
    await this.#unlink();
  }

  #routes(): LocalRoutes {
    const { clock, current, incidents, report, audit, traces, agent, guard } = this.#deps;
    const { serving: messages, sendError } = this.#deps;
    const shared = { current, traces, open: this.#open };
    return {
      ...this.#ownRoutes(),
      ...this.#lifecycle.routes(),
      ...modelRoutes({ ...shared, messages, sendError, inbound: guard.inbound.limitsAlone }),
      ...toolRoutes({ ...shared, agent }),
      ...this.#tasks.routes(),
      ...this.#values.routes(),
      ...auditRoutes({ audit, clock }),
      ...incidentRoutes({
        ...{ incidents, report, open: this.#open },
        auth: () => current.content?.auth,
        now: () => clock.now(),
      }),
      ...this.#health.routes(),
    };
  }

  #ownRoutes(): LocalRoutes {
    const { pod, current, onHandler } = this.#deps;
    return {
      'PUT /v1/program': {
        answer: (_, bytes) => {
          const given = checked('Registration', bytes);
          if ('failure' in given) return given;
          this.#register(given.body);
          const { namespace, name } = pod;
          const agent = current.content?.agent.name ?? '';
          return { json: { agent, namespace, pod: name, phase: this.phase, features: FEATURES } };
        },
      },
      'POST /v1/shutdown': {
        answer: (_, bytes) => {
          const given = checked('HandlerEnd', bytes);
          if ('failure' in given) return given;
          const { handler, end, error } = given.body;
          onHandler(`program/${handler}`, end, error);
          return undefined;
        },
      },
    };
  }

  #register(registration: Registration): void {
    const { instance, toolsRevision } = registration;
    this.#instances.delete(instance);
    this.#instances.set(instance, registration);
    const [oldest] = this.#instances.keys();
    if (this.#instances.size > PROGRAM_INSTANCES && oldest !== undefined) {
      this.#instances.delete(oldest);
    }
    this.#link?.tools?.revise(toolsRevision);
    void this.#link?.monitor.look();
  }

  #toolsAt(port: number, path: string): ProgramTools {
    const { guard, clock, byteBudget, version, current, onOutcome, log } = this.#deps;
    return new ProgramTools({
      ...{ clock, byteBudget, version, log, open: this.#open },
      url: `http://127.0.0.1:${port}${path}`,
      calls: new GuardedCalls({ guard, clock, onOutcome }),
      timeoutMs: () => current.content?.timeouts.toolMs ?? Infinity,
      onNames: (names) => guard.setProgramTools(names),
    });
  }

  async #unlink(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    if (!link) return;
    await Promise.all([link.monitor.close(), link.gateway.close(), link.tools?.close()]);
  }

  /** Listens, again and again while another process has the port: the program may have taken it. */
  #listen(): void {
    const { port, clock, log } = this.#deps;
    listen(this.#server, port, '127.0.0.1').then(
      () => {
        this.#listening = true;
        this.#portTaken = undefined;
      },
      (err: unknown) => {
        if (this.#closed) return;
        const taken = (err as NodeJS.ErrnoException).code === 'EADDRINUSE';
        if (this.#portTaken === undefined) log.error({ err, port }, 'Local API cannot listen');
        if (taken) this.#portTaken = port;
        this.#cancelListen = clock.setTimer(LISTEN_RETRY_MS, () => this.#listen());
      },
    );
  }

  async #late(): Promise<void> {
    await this.#link?.monitor.look();
    if (this.#link?.monitor.up !== true) return;
    this.#overdue.inc();
    this.#deps.log.warn('Program has not ended in the time of shutdown.programTimeout');
  }
}
