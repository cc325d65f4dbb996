import type { Snapshot } from '../contract/generated/types.ts';
import type { Lifecycle } from './api/lifecycle.ts';
import { listen, portOf } from './api/listen.ts';
import type { ActiveConfiguration } from './control/configuration.ts';
import type { Guard } from './guard/guard.ts';
import { makeAudit } from './makeAudit.ts';
import type { Audited } from './makeAudit.ts';
import { makeControl } from './makeControl.ts';
import type { Control } from './makeControl.ts';
import { makeCore } from './makeCore.ts';
import type { Core } from './makeCore.ts';
import { makeIncidents } from './makeIncidents.ts';
import { makeServers } from './makeServers.ts';
import type { Servers } from './makeServers.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { RuntimeOptions } from './options.ts';

/** The agent runtime: the whole process of a pod, except for its environment and its signals. */
export class Runtime {
  readonly configuration: ActiveConfiguration;
  readonly guard: Guard;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly #options: RuntimeOptions;
  readonly #core: Core;
  readonly #audit: Audited['audit'];
  readonly #control: Control;
  readonly #servers: Servers;
  #stopReports = (): void => undefined;

  constructor(options: RuntimeOptions) {
    const core = makeCore(options);
    const audited = makeAudit(options, core);
    const listening = { ...audited, ...makeIncidents(core) };
    const control = makeControl(options, core, listening);
    const servers = makeServers(options, core, listening, control);
    this.configuration = core.configuration;
    this.guard = core.guard;
    this.lifecycle = servers.lifecycle;
    this.metrics = core.metrics;
    this.tracing = core.tracing;
    this.#options = options;
    this.#core = core;
    this.#audit = audited.audit;
    this.#control = control;
    this.#servers = servers;
  }

  /** Resolves when all listeners are up and the mounted files have been read. */
  async start(): Promise<void> {
    const { ports, host, version } = this.#options;
    const { agent, metrics, debug } = this.#servers;
    await Promise.all([
      this.#control.files.start(),
      listen(agent, ports.agent, host),
      listen(metrics, ports.metrics, host),
      listen(debug, ports.debug, '127.0.0.1'),
    ]);
    // Comes last: its certificate takes a tenth of a second, and the agent already serves clients.
    await this.#control.port.start(ports.control, host);
    this.#stopReports = this.#control.startReports();
    this.#core.log('runtime').info({ version, ports: this.ports() }, 'Runtime started');
  }

  /** Current report about the whole state. */
  snapshot(): Snapshot {
    return this.#control.reporter.snapshot();
  }

  /** Ports in use. */
  ports(): RuntimeOptions['ports'] {
    const { agent, metrics, debug } = this.#servers;
    return {
      agent: portOf(agent),
      metrics: portOf(metrics),
      debug: portOf(debug),
      control: portOf(this.#control.port.server),
    };
  }

  /** Shuts down in order. Resolves when the process may exit. */
  async shutdown(): Promise<void> {
    const times = this.configuration.configuration?.content.shutdown;
    await this.lifecycle.shutdown(times ?? { endpointLagMs: 0, drainTimeoutMs: 0 });
    await this.close();
  }

  /** Closes everything at once. */
  async close(): Promise<void> {
    const { agent, metrics, debug, eventLoop, peerForward } = this.#servers;
    const { files, port, kept } = this.#control;
    this.#stopReports();
    files.close();
    eventLoop.close();
    this.guard.close();
    this.#core.checks.close();
    for (const server of [agent, metrics, debug]) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all([
      this.#core.agent.close(),
      this.#core.redisLimits.close(),
      this.#core.tracing.close(),
      peerForward.close(),
      port.close(),
      this.#core.upstream.close(),
      this.#core.agents.destroy(),
      kept.save(),
      this.#audit.close(),
    ]);
  }
}
