import { INCIDENT_TYPES, gravity } from '../../../contract/incidents.ts';
import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import { networkOf } from './networkOf.ts';
import { levelOf } from './level.ts';
import type { Incident, IncidentForm, Sighting } from './incident.ts';

/** When sightings are an incident; times in milliseconds. */
export interface IncidentsSpec {
  /** Sightings of one kind and origin belong together while no more than this is between two of them. */
  windowMs: number;
  /** Origins that are told apart; those beyond are counted together, by type. */
  maxTracked: number;
  /** Sightings that open an incident, by type; 1 for a type that is not named. */
  thresholds: Partial<Record<IncidentType, number>>;
  /** The level rises a step each time that there are as many times more sightings. At least 2. */
  raiseAt: number;
  /** Sources of failed authentication within the window that are an incident of their own. */
  manySources: number;
}

export interface IncidentsDeps {
  /** Monotonic clock in milliseconds. */
  now(): number;
  /** Wall clock, in milliseconds. */
  time(): number;
  newId(): string;
  /** An incident was opened, or its level has risen. Must not throw. */
  onIncident(incident: Readonly<Incident>, sighting: Sighting, change: 'Opened' | 'Raised'): void;
  /** A sighting was made, of an incident or of what may become one. Must not throw. */
  onSighting?(sighting: Sighting, incident: Readonly<Incident> | undefined): void;
}

/** Sightings of one kind and origin. */
interface Track {
  /** Whether it has one origin. */
  single: boolean;
  /** Whether it counts as a source of failed authentication. */
  failing: boolean;
  count: number;
  seenAt: number;
  incident?: Incident;
}

/** Longest text in an incident, in characters. */
const MAX_TEXT = 128;
const MAX_EVIDENCE = 256;

/** Forms that what reports them has counted already, or of which one is enough. */
const IMMEDIATE: ReadonlySet<IncidentForm> = new Set([
  'ManySources',
  'RepeatedCall',
  'EgressRefused',
]);

const NOTHING: IncidentsSpec = {
  windowMs: 0,
  maxTracked: 0,
  thresholds: {},
  raiseAt: 2,
  manySources: Infinity,
};

/**
 * Makes incidents of sightings. Each takes constant time. Memory is bounded by `maxTracked`: origins beyond it share a
 * track for each type and form, so that an attacker with many addresses cannot push out what is known of others.
 */
export class Incidents {
  readonly #deps: IncidentsDeps;
  /** The one seen longest ago first. */
  readonly #tracks = new Map<string, Track>();
  readonly #counts = Object.fromEntries(
    INCIDENT_TYPES.map((type) => [type, { Low: 0, Medium: 0, High: 0, Critical: 0 }]),
  ) as Record<IncidentType, Record<IncidentLevel, number>>;
  readonly #opened = Object.fromEntries(INCIDENT_TYPES.map((type) => [type, 0])) as Record<
    IncidentType,
    number
  >;
  /** Origins of failed authentication that are tracked. */
  #failing = 0;
  #last: Incident | undefined;
  #spec = NOTHING;
  #version = 0;

  constructor(deps: IncidentsDeps) {
    this.#deps = deps;
  }

  /** Grows by each change of an incident, so that reports tell only what is new. */
  get version(): number {
    this.#close();
    return this.#version;
  }

  /** The one opened last; it may be closed. */
  get last(): Readonly<Incident> | undefined {
    return this.#last;
  }

  /** Incidents since the process began. One whose level rises counts at each level that it reaches. */
  get counts(): Readonly<Record<IncidentType, Readonly<Record<IncidentLevel, number>>>> {
    return this.#counts;
  }

  /** Incidents since the process began. */
  get opened(): Readonly<Record<IncidentType, number>> {
    return this.#opened;
  }

  /** Has new figures count from the next sighting on. */
  apply(spec: IncidentsSpec): void {
    this.#spec = spec;
  }

  /** Those open, the gravest first. */
  open(): Readonly<Incident>[] {
    this.#close();
    return Array.from(this.#tracks.values(), ({ incident }) => incident)
      .filter((incident) => incident !== undefined)
      .sort((a, b) => gravity(b.level) - gravity(a.level) || b.lastAt - a.lastAt);
  }

  /** Numbers of those open. */
  openByLevel(): Record<IncidentLevel, number> {
    const numbers = { Low: 0, Medium: 0, High: 0, Critical: 0 };
    for (const { level } of this.open()) numbers[level] += 1;
    return numbers;
  }

  isOpen(incident: Readonly<Incident>): boolean {
    this.#close();
    return !incident.closed;
  }

  /** Something was seen. Never throws. */
  report(sighting: Sighting): void {
    this.#close();
    const track = this.#trackOf(sighting);
    track.count += 1;
    track.seenAt = this.#deps.now();
    this.#settle(track, sighting);
    this.#deps.onSighting?.(sighting, track.incident);
    this.#lookForMany(sighting);
  }

  /** Ends what was not seen for the window. */
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

  #trackOf(sighting: Sighting): Track {
    const own = keyOf(sighting);
    const single = this.#tracks.has(own) || this.#tracks.size < this.#spec.maxTracked;
    const key = single ? own : sharedKeyOf(sighting);
    let track = this.#tracks.get(key);
    if (track) this.#tracks.delete(key);
    else {
      const failing = single && isOneSource(sighting);
      track = { single, failing, count: 0, seenAt: 0 };
      if (failing) this.#failing += 1;
    }
    this.#tracks.set(key, track);
    return track;
  }

  #settle(track: Track, sighting: Sighting): void {
    const { type, form, asset } = sighting;
    const immediate = form !== undefined && IMMEDIATE.has(form);
    const threshold = immediate ? 1 : (this.#spec.thresholds[type] ?? 1);
    if (track.count < threshold) return;
    const times = track.count / threshold;
    const level = levelOf({ type, form, asset, times }, this.#spec.raiseAt);
    const { incident } = track;
    if (!incident) this.#begin(track, sighting, level);
    else {
      incident.count = track.count;
      incident.lastAt = this.#deps.time();
      incident.evidence = plainText(sighting.evidence, MAX_EVIDENCE);
      if (gravity(level) > gravity(incident.level)) this.#raised(incident, sighting, level);
    }
    this.#version += 1;
  }

  #begin(track: Track, sighting: Sighting, level: IncidentLevel): void {
    const time = this.#deps.time();
    const { type, form, asset, resource, evidence } = sighting;
    const { client, source } = track.single ? originOf(sighting) : {};
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
    this.#deps.onIncident(incident, sighting, 'Opened');
  }

  #raised(incident: Incident, sighting: Sighting, level: IncidentLevel): void {
    incident.level = level;
    this.#counts[incident.type][level] += 1;
    this.#deps.onIncident(incident, sighting, 'Raised');
  }

  #lookForMany(sighting: Sighting): void {
    if (!isOneSource(sighting) || this.#failing < this.#spec.manySources) return;
    const { type, asset, denied } = sighting;
    this.report({
      ...{ type, asset, denied },
      form: 'ManySources',
      evidence: 'Many addresses showed credentials that are not accepted.',
    });
  }
}

function isOneSource({ type, form }: Sighting): boolean {
  return type === 'FailedAuthentication' && form === undefined;
}

/** Clients are told apart by their names, and those without one by their addresses. */
function originOf({ client, source }: Sighting): { client?: string; source?: string } {
  return {
    ...(client?.name !== undefined && { client: plainText(client.name, MAX_TEXT) }),
    ...(source !== undefined && { source: networkOf(source) }),
  };
}

/** Two clients may not choose names or addresses such that they share a key. */
function keyOf(sighting: Sighting): string {
  const { type, form, resource } = sighting;
  const { client, source } = originOf(sighting);
  const from = client === undefined ? ['source', source] : ['client', client];
  return JSON.stringify([type, form, ...from, resource?.type, resource?.name]);
}

function sharedKeyOf({ type, form }: Sighting): string {
  return JSON.stringify([type, form]);
}

/** The text on one line, without control characters, and bounded. */
export function plainText(text: string, length: number): string {
  return text
    .slice(0, length)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
}
