import type { Load } from '../contract/generated/types.ts';
import { MOUNTS } from '../contract/link.ts';
import { ControlPort } from './control/controlPort.ts';
import { FileWatcher } from './control/file.ts';
import { KeptState } from './control/keptState.ts';
import { LoadWatch } from './control/loadWatch.ts';
import { ReportPace } from './control/reportPace.ts';
import { Reporter } from './control/report.ts';
import type { ReporterDeps } from './control/report.ts';
import type { Audited } from './makeAudit.ts';
import type { Core } from './makeCore.ts';
import type { Watched } from './makeIncidents.ts';
import { GateLog } from './observe/gateLog.ts';
import type { RuntimeOptions } from './options.ts';

/** Connects the agent to its operator: mounted files, links, reports, and the saved state. */
export interface Control {
  /** When the process began, as ISO 8601. */
  startedAt: string;
  reporter: Reporter;
  port: ControlPort;
  files: FileWatcher;
  kept: KeptState;
  /** Starts the reports of each second. Returns a function that stops them. */
  startReports: () => () => void;
}

/** Interval between reports of counters, in milliseconds. */
const COUNTERS_MS = 1000;
/** Interval between two saves of the guard's state, in counter ticks. */
const SAVE_TICKS = 5;
/** Interval between checks whether the pod fills up, in milliseconds. */
const LOAD_MS = 100;

export function makeControl(
  options: RuntimeOptions,
  core: Core,
  { audit, watchGuard, watchCredentials, responses }: Audited & Watched,
): Control {
  const { guard, configuration, credentials, network, clients, agent } = core;
  const { performance, checks, incidents, clock, log } = core;
  const { pod, version, tokenDirectory, statePath } = options;
  const startedAt = clock.date().toISOString();
  const kept = new KeptState({ guard, path: statePath, log: log('state') });
  const load = new LoadWatch(() => loadOf(core));
  const reporter = new Reporter({
    ...{ guard, configuration, credentials, performance, checks, incidents, load },
    responses,
    headerCredentials: () => [
      ...agent.credentials(),
      ...auditCredentials(configuration),
      ...scraperCredentials(configuration),
    ],
    missingClientKeys: () => clients.missingSecret(),
    auditHead: () => audit.head,
    mcpServers: () => agent.mcpServers(),
    missingKeys: () => network.missingKeys(),
    missingConfigMaps: () => [...agent.missingConfigMaps(), ...network.missingConfigMaps()],
  });
  const pace = new ReportPace();
  const port = new ControlPort({
    ...{ pod, version, startedAt, tokenDirectory, configuration, clock },
    snapshot: () => reporter.snapshot(),
    onSiblings: (pods) => core.siblings.apply(pods),
    onNamespaceDeleted: () => void core.events.emit('namespaceDeleted'),
    onReportInterval: (ms) => pace.setInterval(ms),
    followFleet: (orders) => guard.followFleet(orders),
    fleet: (command) => guard.fleet.apply(command),
    providers: (command) => guard.providers.apply(command),
    log: log('link'),
  });
  guard.fleet.send = (each) => void port.broadcast(each);
  guard.providers.send = (each) => void port.broadcast(each);
  const files = new FileWatcher({
    directory: options.configurationDirectory,
    files: {
      [MOUNTS.configurationKey]: (text) => configuration.offerFile(text),
      [MOUNTS.authorityKey]: (text) => port.setAuthority(text),
    },
    log: log('file'),
    ...(options.filePollMs !== undefined && { pollMs: options.filePollMs }),
  });
  core.siblings.isCurrent = () => port.links > 0;
  const startReports = report(core, { reporter, port, kept, load, pace }, () => {
    watchGuard();
    watchCredentials();
    void audit.saveHead();
  });
  return { startedAt, reporter, port, files, kept, startReports };
}

/** Load of the pod, for siblings and the operator. */
function loadOf({ guard, activity, agent }: Core): Load | undefined {
  const load = guard.load();
  if (!load) return undefined;
  const { streams, leaving } = activity;
  const { conversations } = agent.conversations();
  return { ...load, accepts: load.accepts && !leaving, streams, conversations };
}

/** Mounted credentials in the headers of the audit's receivers. */
function auditCredentials({
  configuration,
}: Core['configuration']): ReturnType<ReporterDeps['headerCredentials']> {
  return (configuration?.content.audit?.otlp?.headersFrom ?? []).map(({ credential }) => ({
    dependency: 'audit',
    credential,
  }));
}

/** The mounted token of scrapers. */
function scraperCredentials({
  configuration,
}: Core['configuration']): ReturnType<ReporterDeps['headerCredentials']> {
  const credential = configuration?.content.telemetry.metrics?.token;
  return credential ? [{ dependency: 'scrapers', credential }] : [];
}

interface Reports extends Pick<Control, 'reporter' | 'port' | 'kept'> {
  load: LoadWatch;
  pace: ReportPace;
}

/** Reports events at once. Returns a function that starts the reports of each second. */
function report(
  core: Core,
  { reporter, port, kept, load, pace }: Reports,
  eachTick: () => void,
): Control['startReports'] {
  const { events, clock, log } = core;
  const gateLog = new GateLog(log('guard'), () => clock.date());
  let reportedMissing = '[]';
  let ticks = 0;
  events.on('transition', (transition, circuit) => {
    if (pace.mayTellTransition()) port.broadcast(reporter.transition(transition, circuit));
    void kept.save();
  });
  events.on('apply', () => kept.restore());
  events.on('configuration', () => {
    void kept.save();
    reportedMissing = JSON.stringify(reporter.missing());
    port.broadcast(reporter.snapshot());
  });
  const reportMissing = (): void => {
    const missing = reporter.missing();
    const text = JSON.stringify(missing);
    if (text === reportedMissing) return;
    reportedMissing = text;
    log('credentials').warn({ missing }, 'Missing credentials or ConfigMaps changed');
    port.broadcast(reporter.snapshot());
  };
  const tick = (): void => {
    core.useCredentials();
    eachTick();
    ticks += 1;
    if (ticks % SAVE_TICKS === 0) void kept.save();
    reportMissing();
    const due = pace.tick();
    if (due === 'Nothing') return;
    const changes = due === 'Everything' ? reporter.snapshot() : reporter.changes(due);
    if (!changes) return;
    pace.sent(port.broadcast(changes));
    const { gates = [] } = changes;
    for (const gate of gates) gateLog.note(gate);
    if (gates.length > 0) void kept.save();
  };
  const look = (): void => {
    const risen = port.links > 0 ? load.risen() : undefined;
    if (!risen) return;
    pace.sent(port.broadcast({ type: 'Counters', limits: [], circuits: [], load: risen }));
  };
  return () => {
    const timers = [setInterval(tick, COUNTERS_MS), setInterval(look, LOAD_MS)];
    for (const timer of timers) timer.unref();
    return () => timers.forEach(clearInterval);
  };
}
