import { INCIDENT_TYPES, gravity, typesNow } from '../../../contract/incidents.ts';
import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import { networkOf } from './networkOf.ts';
import { levelOf } from './level.ts';
import type { Incident, IncidentForm, Detection } from './incident.ts';

/** The level that an incident of the type has at least after so many detections. */
export interface Escalation {
  type: string;
  count: number;
  /** Time in which they come, in ms. Default: all detections of the incident count. */
  withinMs?: number;
  level: IncidentLevel;
}

/** Rules that turn detections into incidents; times in milliseconds. */
export interface IncidentsSpec {
  /** Longest gap between two detections of one incident. */
  windowMs: number;
  /** Largest number of separate origins. Further ones share a count for each type. */
  maxTracked: number;
  /** Number of detections that opens an incident, by type, also by names of an earlier version; 1 for others. */
  thresholds: Readonly<Record<string, number>>;
  /** Least levels by numbers of detections. Default: none. */
  escalations?: readonly Escalation[];
  /** The level rises one step at each multiple of this many detections. At least 2. */
  raiseAt: number;
  /** Number of sources of failed authentication, or of credentials of one source, that makes an incident of its own. */
  manySources: number;
}

export interface IncidentsDeps {
  /** Monotonic clock in milliseconds. */
  now(): number;
  /** Wall clock, in milliseconds. */
  time(): number;
  newId(): string;
  /** An incident opened, or its level rose. Must not throw. */
  onIncident(incident: Readonly<Incident>, detection: Detection, change: 'Opened' | 'Raised'): void;
  /** Reports each detection, with its incident if one is open. Must not throw. */
  onDetection?(detection: Detection, incident: Readonly<Incident> | undefined): void;
}

/** Detections of one kind and origin. */
interface Track {
  /** Whether the track has only one origin. */
  single: boolean;
  /** Whether it is a source of failed authentication. */
  failing: boolean;
  count: number;
  seenAt: number;
  /** Times of the last detections, as many as a rule with a time counts. */
  times: number[];
  /** Ids of credentials that were not accepted, at most `manySources`. */
  credentials?: Set<string>;
  incident?: Incident;
}

/** Longest text in an incident, in characters. */
const MAX_TEXT = 128;
const MAX_EVIDENCE = 256;

/** Forms that open an incident at once: their reporters have counted. */
const COUNTED: ReadonlySet<IncidentForm | undefined> = new Set(['RepeatedCall', 'Reported']);

const NOTHING: IncidentsSpec = {
  windowMs: 0,
  maxTracked: 0,
  thresholds: {},
  raiseAt: 2,
  manySources: Infinity,
};

/**
 * Turns detections into incidents. Each takes constant time. `maxTracked` bounds the memory: further origins share a
 * track for each type and form, so that an attacker with many addresses cannot evict others' tracks.
 */
export class Incidents {
  readonly #deps: IncidentsDeps;
  /** Least recently seen first. */
  readonly #tracks = new Map<string, Track>();
  readonly #counts = Object.fromEntries(
    INCIDENT_TYPES.map((type) => [type, { Low: 0, Medium: 0, High: 0, Critical: 0 }]),
  ) as Record<IncidentType, Record<IncidentLevel, number>>;
  readonly #opened = Object.fromEntries(INCIDENT_TYPES.map((type) => [type, 0])) as Record<
    IncidentType,
    number
  >;
  /** Number of tracked origins of failed authentication. */
  #failing = 0;
  #last: Incident | undefined;
  #spec = NOTHING;
  #version = 0;

  constructor(deps: IncidentsDeps) {
    this.#deps = deps;
  }

  /** Grows with each change of an incident, so that reports contain only changes. */
  get version(): number {
    this.#close();
    return this.#version;
  }

  /** The last incident that opened; it may be closed. */
  get last(): Readonly<Incident> | undefined {
    return this.#last;
  }

  /** Number of incidents since the process began. A rising incident counts at each level that it reaches. */
  get counts(): Readonly<Record<IncidentType, Readonly<Record<IncidentLevel, number>>>> {
    return this.#counts;
  }

  /** Incidents since the process began. */
  get opened(): Readonly<Record<IncidentType, number>> {
    return this.#opened;
  }

  /** Applies figures from the next detection on. */
  apply(spec: IncidentsSpec): void {
    const thresholds: Record<string, number> = {};
    for (const [name, count] of Object.entries(spec.thresholds)) {
      for (const type of typesNow(name)) thresholds[type] = count;
    }
    const escalations = (spec.escalations ?? []).flatMap((rule) =>
      typesNow(rule.type).map((type) => ({ ...rule, type })),
    );
    this.#spec = { ...spec, thresholds, escalations };
  }

  /** Open incidents, gravest first. */
  open(): Readonly<Incident>[] {
    this.#close();
    return Array.from(this.#tracks.values(), ({ incident }) => incident)
      .filter((incident) => incident !== undefined)
      .sort((a, b) => gravity(b.level) - gravity(a.level) || b.lastAt - a.lastAt);
  }

  /** Numbers of open incidents. */
  openByLevel(): Record<IncidentLevel, number> {
    const numbers = { Low: 0, Medium: 0, High: 0, Critical: 0 };
    for (const { level } of this.open()) numbers[level] += 1;
    return numbers;
  }

  /** The open incident of detections like this one. */
  of(detection: Detection): Readonly<Incident> | undefined {
    this.#close();
    const track = this.#tracks.get(keyOf(detection)) ?? this.#tracks.get(sharedKeyOf(detection));
    return track?.incident;
  }

  isOpen(incident: Readonly<Incident>): boolean {
    this.#close();
    return !incident.closed;
  }

  /** Takes a detection. Never throws. */
  report(detection: Detection): void {
    this.#close();
    const track = this.#trackOf(detection);
    track.count += 1;
    track.seenAt = this.#deps.now();
    this.#settle(track, detection);
    this.#deps.onDetection?.(detection, track.incident);
    this.#lookForMany(detection, track);
  }

  /** Closes incidents without a detection in the window. */
  #close(): void {
    const since = this.#deps.now() - this.#spec.windowMs;
    for (const [key, track] of this.#tracks) {
      if (track.seenAt >= since) return;
      this.#tracks.delete(key);
      if (track.incident) {
        track.incident.closed = true;
        this.#version += 1;
      }
      if (track.failing) this.#failing -= 1;
    }
  }

  #trackOf(detection: Detection): Track {
    const own = keyOf(detection);
    const single = this.#tracks.has(own) || this.#tracks.size < this.#spec.maxTracked;
    const key = single ? own : sharedKeyOf(detection);
    let track = this.#tracks.get(key);
    if (track) this.#tracks.delete(key);
    else {
      const failing = single && isOneSource(detection);
      track = { single, failing, count: 0, seenAt: 0, times: [] };
      if (failing) this.#failing += 1;
    }
    this.#tracks.set(key, track);
    return track;
  }

  #settle(track: Track, detection: Detection): void {
    const { type, form, asset } = detection;
    const threshold = COUNTED.has(form) ? 1 : (this.#spec.thresholds[type] ?? 1);
    const stated = detection.level;
    const least = stated === undefined ? this.#escalation(track, type) : stated;
    if (track.count < threshold && least === undefined) return;
    const times = track.count / threshold;
    const level = stated ?? graver(levelOf({ type, asset, times }, this.#spec.raiseAt), least);
    const { incident } = track;
    if (!incident) this.#begin(track, detection, level);
    else {
      incident.count = track.count;
      incident.lastAt = this.#deps.time();
      incident.evidence = plainText(detection.evidence, MAX_EVIDENCE);
      if (gravity(level) > gravity(incident.level)) this.#raised(incident, detection, level);
    }
    this.#version += 1;
  }

  /** The highest level that a rule gives the track; undefined for none. */
  #escalation(track: Track, type: IncidentType): IncidentLevel | undefined {
    const rules = (this.#spec.escalations ?? []).filter((rule) => rule.type === type);
    const timed = rules.filter(({ withinMs }) => withinMs !== undefined);
    if (timed.length > 0) {
      track.times.push(track.seenAt);
      if (track.times.length > Math.max(...timed.map(({ count }) => count))) track.times.shift();
    }
    return rules
      .filter(({ count, withinMs }) =>
        withinMs === undefined
          ? track.count >= count
          : track.seenAt - (track.times.at(-count) ?? -Infinity) <= withinMs,
      )
      .map(({ level }) => level)
      .sort((a, b) => gravity(b) - gravity(a))[0];
  }

  #begin(track: Track, detection: Detection, level: IncidentLevel): void {
    const time = this.#deps.time();
    const { type, form, asset, resource, evidence } = detection;
    const { client, source } = track.single ? originOf(detection) : {};
    const incident: Incident = {
      ...{ id: this.#deps.newId(), type, form, asset, level, client, source },
      ...{ count: track.count, openedAt: time, lastAt: time },
      resource: resource && {
        type: resource.type,
        name: plainText(resource.name, MAX_TEXT),
      },
      evidence: plainText(evidence, MAX_EVIDENCE),
      closed: false,
    };
    track.incident = incident;
    this.#last = incident;
    this.#opened[type] += 1;
    this.#counts[type][level] += 1;
    this.#deps.onIncident(incident, detection, 'Opened');
  }

  #raised(incident: Incident, detection: Detection, level: IncidentLevel): void {
    incident.level = level;
    this.#counts[incident.type][level] += 1;
    this.#deps.onIncident(incident, detection, 'Raised');
  }

  #lookForMany(detection: Detection, track: Track): void {
    if (!isOneSource(detection)) return;
    const { manySources: many } = this.#spec;
    const { asset, denied, source } = detection;
    const stuffing = { type: 'CredentialStuffing', asset, denied } as const;
    if (this.#credentialsOf(track, detection) >= many) {
      const evidence = 'One address showed many credentials that are not accepted.';
      this.report({ ...stuffing, form: 'ManyKeys', source, evidence });
    }
    if (this.#failing >= many) {
      const evidence = 'Many addresses showed credentials that are not accepted.';
      this.report({ ...stuffing, form: 'ManySources', evidence });
    }
  }

  /** Number of credentials of one source, counted up to `manySources`; 0 for origins that share a track. */
  #credentialsOf(track: Track, { credential }: Detection): number {
    if (!track.single || credential === undefined) return 0;
    track.credentials ??= new Set();
    if (track.credentials.size < this.#spec.manySources) track.credentials.add(credential);
    return track.credentials.size;
  }
}

function graver(level: IncidentLevel, other: IncidentLevel | undefined): IncidentLevel {
  return other !== undefined && gravity(other) > gravity(level) ? other : level;
}

function isOneSource({ type, form }: Detection): boolean {
  return type === 'BruteForceAttack' && form !== 'Reported';
}

/** Origins are names of clients, or addresses of unnamed ones. */
function originOf({ client, source }: Detection): { client?: string; source?: string } {
  return {
    ...(client?.name !== undefined && { client: plainText(client.name, MAX_TEXT) }),
    ...(source !== undefined && { source: networkOf(source) }),
  };
}

/** The key of a track. No choice of names or addresses makes two origins share one. */
function keyOf(detection: Detection): string {
  const { type, form, level, resource } = detection;
  const { client, source } = originOf(detection);
  const from = client === undefined ? ['source', source] : ['client', client];
  return JSON.stringify([type, form, level, ...from, resource?.type, resource?.name]);
}

function sharedKeyOf({ type, form, level }: Detection): string {
  return JSON.stringify([type, form, level]);
}

/** The text in one bounded line without control characters. */
export function plainText(text: string, length: number): string {
  return text
    .slice(0, length)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
