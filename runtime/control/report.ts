import { isDeepStrictEqual } from 'node:util';
import type {
  CircuitStatus,
  Counters,
  Endpoint,
  GateStatus,
  HealthCheckStatus,
  LimitStatus,
  McpServerStatus,
  OperationReport,
  Snapshot,
  Transition,
  TransitionReport,
} from '../../contract/generated/types.ts';
import { AUTH } from '../../contract/link.ts';
import type { Guard } from '../guard/guard.ts';
import { dependencyOf } from '../guard/supported.ts';
import type { Incidents } from '../security/incidents/incidents.ts';
import type { Responses } from '../security/incidents/responses.ts';
import type { ActiveConfiguration } from './configuration.ts';
import type { LoadWatch } from './loadWatch.ts';
import { fleetNews } from './fleetReport.ts';
import type { Due } from './reportPace.ts';
import { securityReport } from './securityReport.ts';

type Credential = NonNullable<Endpoint['credential']>;

type MissingCredentials = Snapshot['missingCredentials'];

export interface ReporterDeps {
  guard: Guard;
  configuration: ActiveConfiguration;
  credentials: { read(credential: Credential): string | undefined };
  /** Credentials other than those of endpoints. */
  headerCredentials: () => { dependency: string; credential: Credential }[];
  /** Missing keys that are no credentials, such as client certificates. */
  missingKeys: () => readonly MissingCredentials[number][];
  /** Name of the Secret of API keys if it holds none. */
  missingClientKeys: () => string | undefined;
  /** Endpoints whose identity cannot renew its credentials. */
  identities: () => NonNullable<Snapshot['identities']>;
  performance: { report(): OperationReport[] };
  checks: { statuses(): HealthCheckStatus[] };
  load: Pick<LoadWatch, 'current' | 'changed'>;
  /** Tools of the MCP servers, as far as known. */
  mcpServers: () => McpServerStatus[];
  /** The program of the pod; undefined without one. */
  program: () => Snapshot['program'];
  /** Head of the audit's chain, and what it does not deliver. */
  auditHead: () => Snapshot['audit'];
  incidents: Incidents;
  responses: Pick<Responses, 'version' | 'inForce'>;
  /** Missing keys of ConfigMaps. */
  missingConfigMaps(): NonNullable<Snapshot['missingConfigMaps']>;
}

/** What to report of all that changed; see Due. */
export type ReportScope = Extract<Due, 'Changes' | 'State'>;

/** Reports performance once in this many ticks: it is large and nothing depends on it. */
const PERFORMANCE_TICKS = 5;

/** Largest number of missing keys in a report. Others follow when these are present. */
const MAX_MISSING = 64;

/** Assembles the runtime's reports about itself. */
export class Reporter {
  readonly #deps: ReporterDeps;
  #reportedCounts = '';
  #reportedChecks = '[]';
  #reportedServers = '[]';
  #reportedAudit = '';
  #reportedProgram: string | undefined;
  #reportedIncidents = 0;
  #reportedResponses = 0;
  #ticks = 0;
  #reportedCircuits = new Map<string, string>();
  #reportedGates = new Map<string, string>();
  readonly #reportedLimits = new Map<string, LimitStatus>();

  constructor(deps: ReporterDeps) {
    this.#deps = deps;
  }

  snapshot(): Snapshot {
    const { guard, configuration } = this.#deps;
    const load = this.#deps.load.current();
    const circuits = guard.circuits();
    for (const circuit of circuits) this.#shown(circuit);
    // A gate that only this snapshot shows as shut may open, and be as it was reported before. So the next report has each gate.
    this.#reportedGates.clear();
    return {
      type: 'Snapshot',
      configuration: configuration.status(),
      circuits,
      limits: guard.limits(),
      transitions: guard.transitions(),
      missingCredentials: this.missingCredentials().slice(0, MAX_MISSING),
      missingConfigMaps: this.#missingConfigMaps(),
      identities: this.#deps.identities(),
      gates: guard.gates(),
      performance: this.#deps.performance.report(),
      healthChecks: this.#deps.checks.statuses(),
      security: securityReport(this.#deps),
      mcpServers: this.#deps.mcpServers(),
      ...this.#audit(),
      ...this.#program(),
      ...(load && { load }),
    };
  }

  transition(transition: Transition, circuit: CircuitStatus): TransitionReport {
    this.#shown(circuit);
    return { type: 'Transition', transition, circuit };
  }

  /** A leader knows the circuit. Others may not, so its next report is not left out. */
  #shown(circuit: CircuitStatus): void {
    const key = keyOf(circuit);
    if (!this.#reportedCircuits.has(key)) this.#reportedCircuits.set(key, '');
  }

  /** Load of the pod; undefined if nothing bounds its requests. */
  load(): Snapshot['load'] {
    return this.#deps.load.current();
  }

  /** Everything that should be mounted and is missing. */
  missing(): object[] {
    return [...this.missingCredentials(), ...this.#missingConfigMaps(), ...this.#deps.identities()];
  }

  #missingConfigMaps(): NonNullable<Snapshot['missingConfigMaps']> {
    const all = this.#deps.missingConfigMaps();
    return all.map(({ configMap, key }) => ({ configMap, key }));
  }

  missingCredentials(): MissingCredentials {
    const { configuration, credentials, headerCredentials, missingClientKeys } = this.#deps;
    const keys = configuration.endpoints.flatMap((endpoint: Endpoint) => {
      const { credential } = endpoint;
      return credential ? [{ dependency: dependencyOf(endpoint), credential }] : [];
    });
    const secret = missingClientKeys();
    const auth = secret === undefined ? [] : [{ dependency: AUTH, secret, key: '*' }];
    const missing = [...keys, ...headerCredentials()].flatMap(({ dependency, credential }) => {
      if (credentials.read(credential) !== undefined) return [];
      const { secret, key } = credential;
      return [{ dependency, secret, key }];
    });
    return [...missing, ...this.#deps.missingKeys(), ...auth];
  }

  /** Changes since the last call; undefined without any. Everything if a circuit has gone. */
  changes(scope: ReportScope = 'Changes'): Counters | Snapshot | undefined {
    const { guard } = this.#deps;
    const all = guard.circuits();
    if (isGone(all, this.#reportedCircuits)) {
      fresh(all, this.#reportedCircuits, withoutTransition);
      return this.snapshot();
    }
    return this.#counters(all, scope);
  }

  #counters(all: CircuitStatus[], scope: ReportScope): Counters | undefined {
    const { guard } = this.#deps;
    const limits = freshLimits(guard.limits(), this.#reportedLimits, scope);
    const circuits = fresh(all, this.#reportedCircuits, withoutTransition);
    const gates = fresh(guard.gates(), this.#reportedGates, (gate: GateStatus) =>
      JSON.stringify(gate),
    );
    const news = {
      ...(scope === 'Changes' && this.#newFigures()),
      ...this.#newChecks(),
      ...this.#newSecurity(),
      ...this.#newServers(),
      ...this.#newProgram(),
    };
    const changed = circuits.length + gates.length + limits.length + Object.keys(news).length;
    if (changed === 0) return undefined;
    return {
      ...{ type: 'Counters', limits, circuits, gates },
      ...news,
    };
  }

  #newFigures(): Pick<Counters, 'performance' | 'load' | 'audit'> {
    const performance = this.#performance();
    const load = this.#deps.load.changed();
    return {
      ...(performance && { performance }),
      ...(load && { load }),
      ...this.#newAudit(),
    };
  }

  #audit(): Pick<Snapshot, 'audit'> {
    const audit = this.#deps.auditHead();
    return audit ? { audit } : {};
  }

  /** The head if it moved since the last report, or a destination began or ceased to take events. */
  #newAudit(): Pick<Counters, 'audit'> {
    const { audit } = this.#audit();
    const text = JSON.stringify(audit);
    if (!audit || text === this.#reportedAudit) return {};
    this.#reportedAudit = text;
    return { audit };
  }

  /** Incidents and responses if one changed since the last report. */
  #newSecurity(): Pick<Counters, 'security'> {
    const incidents = this.#deps.incidents.version;
    const responses = this.#deps.responses.version;
    if (incidents === this.#reportedIncidents && responses === this.#reportedResponses) return {};
    this.#reportedIncidents = incidents;
    this.#reportedResponses = responses;
    return { security: securityReport(this.#deps) };
  }

  /** The health checks if one changed since the last report. */
  #newChecks(): Pick<Counters, 'healthChecks'> {
    const healthChecks = this.#deps.checks.statuses();
    const text = JSON.stringify(healthChecks);
    if (text === this.#reportedChecks) return {};
    this.#reportedChecks = text;
    return { healthChecks };
  }

  /** Tools of the MCP servers if one changed since the last report. */
  #newServers(): Pick<Counters, 'mcpServers'> {
    const mcpServers = this.#deps.mcpServers();
    const text = JSON.stringify(mcpServers);
    if (text === this.#reportedServers) return {};
    this.#reportedServers = text;
    return { mcpServers };
  }

  #program(): Pick<Snapshot, 'program'> {
    const program = this.#deps.program();
    return program ? { program } : {};
  }

  /** The program if it changed since the last report. */
  #newProgram(): Pick<Counters, 'program'> {
    const { program } = this.#program();
    const text = JSON.stringify(program);
    if (!program || text === this.#reportedProgram) return {};
    this.#reportedProgram = text;
    return { program };
  }

  /** Performance if it changed since the last report and that was long enough ago. */
  #performance(): Counters['performance'] {
    this.#ticks += 1;
    if (this.#ticks % PERFORMANCE_TICKS !== 0) return undefined;
    const performance = this.#deps.performance.report();
    // Operations that leave the last minutes are a change too, and so is a time that has grown by 7 %.
    const counts = JSON.stringify(
      performance.map(({ count, recent, seconds = 1 }) => [
        count,
        recent?.count,
        Math.floor(10 * Math.log2(seconds)),
      ]),
    );
    if (counts === this.#reportedCounts) return undefined;
    this.#reportedCounts = counts;
    return performance;
  }
}

interface Named {
  dependency: string;
  model?: string;
}

/** The elements that changed since the last report. Marks them as reported. */
function fresh<T extends Named>(
  all: readonly T[],
  reported: Map<string, string>,
  text: (each: T) => string,
): T[] {
  const changed = all.filter((each) => reported.get(keyOf(each)) !== text(each));
  reported.clear();
  for (const each of all) reported.set(keyOf(each), text(each));
  return changed;
}

/** The limits that changed since the last report, or began or ended to limit. Marks them as reported. */
function freshLimits(
  all: readonly LimitStatus[],
  reported: Map<string, LimitStatus>,
  scope: ReportScope,
): LimitStatus[] {
  const byKey = new Map(
    all.map((each) => [JSON.stringify([each.target, each.policy, each.name]), each] as const),
  );
  const changed = [...byKey].filter(([key, each]) => {
    const before = reported.get(key);
    if (scope === 'State') return hasOtherState(before, each);
    return !isDeepStrictEqual(before, each);
  });
  for (const key of [...reported.keys()]) if (!byKey.has(key)) reported.delete(key);
  for (const [key, each] of changed) reported.set(key, each);
  return changed.map(([, each]) => each);
}

/** Whether a reported element no longer exists. */
function isGone(all: readonly Named[], reported: ReadonlyMap<string, string>): boolean {
  const keys = new Set(all.map(keyOf));
  return reported.keys().some((key) => !keys.has(key));
}

const keyOf = ({ dependency, model }: Named): string => JSON.stringify([dependency, model]);

/** The parts of a circuit that change without a transition. */
function withoutTransition(circuit: CircuitStatus): string {
  const { fleet, lastFailure, nextProbe, overridden, handledResetToken, servedPercent } = circuit;
  const others = { lastFailure, nextProbe, overridden, handledResetToken, servedPercent };
  return JSON.stringify([others, fleetNews(fleet)]);
}

function hasOtherState(before: LimitStatus | undefined, now: LimitStatus): boolean {
  return (
    (before?.limiting ?? false) !== now.limiting ||
    (before?.overridden ?? false) !== (now.overridden ?? false)
  );
}
