import { MESHES, type Mesh } from './desired/objects/mesh.ts';
import { LEVELS, MODULES } from './loggers.ts';
import type { Tenancy } from './desired/tenancy/tenancy.ts';

/** The namespaces and objects of one installation. Several installations must have disjoint shares. */
export interface Share {
  /** Empty: all. */
  namespaces: readonly string[];
  /** Label selector of agents and policies in kubectl's syntax; absent: all. */
  selector?: string;
}

export interface TracingSettings {
  endpoint: string;
  ratio: number;
  parentBased: boolean;
}

/** The operator's settings from its environment; see charts/breakwater. */
export interface Settings {
  /** Namespace of the operator with its Lease and its authority. */
  namespace: string;
  /** Name of the pod, for the Lease and for Events. */
  podName: string;
  runtimeImage: string;
  runtimeImagePullPolicy: string | undefined;
  /** How many agents may roll at once after an upgrade of the operator. */
  upgradeConcurrency: number;
  /** How many agents may fail before such an upgrade stops. */
  upgradeFailures: number;
  /** Concurrent reconciles of each kind. */
  reconcileConcurrency: number;
  /** Concurrent requests to the API server, without watches and the Lease. */
  requestsInFlight: number;
  /** Additional concurrent token reviews. */
  tokenReviewsInFlight: number;
  /** How pods are dialled. Each pair limits concurrent first attempts and concurrent retries. */
  dialling: {
    /** Time for a pod to accept a connection. */
    connectMs: number;
    connects: { first: number; repeated: number };
    /** From the TLS handshake to the review of the pod's token. */
    handshakes: { first: number; repeated: number };
  };
  /** Limits of what a pod may send over its link, and for how long a pod that exceeds them is not dialled. */
  reports: {
    bytesPerSecond: number;
    messagesPerSecond: number;
    /** Burst in seconds of the rate. */
    burstSeconds: number;
    excessMs: number;
  };
  /** Restricts what authors of agents may do. */
  tenancy: Tenancy;
  /** The agents and policies of this installation. */
  share: Share;
  logLevel: string;
  /** Levels by module, if they differ from logLevel. */
  logLevels: Record<string, string>;
  /** URL of docs/runbooks for agents' alerts. Default: alerts name the file alone. */
  runbooks?: string;
  /** Tracing of agents that do not configure it. Default: none. */
  tracing?: TracingSettings;
  /** Tracing of the operator's reconciles and pushes. Default: from OTEL_* variables, or none. */
  ownTracing?: TracingSettings;
  /** The service mesh of agents' pods. Absent: none, or one that needs no settings. */
  mesh?: Mesh;
  /** How agents' pods are reached. Default: directly, at their addresses. */
  links?: 'PortForward';
  leaseName: string;
  authoritySecret: string;
  /** Interval of checks of the authority's Secret, and so the delay of a revocation. */
  authorityCheckMs: number;
  ports: { metrics: number; health: number; debug: number };
}

/** @throws Error that names every missing or invalid variable and what to set it to */
export function settingsFrom(env: Record<string, string | undefined>): Settings {
  const problems: string[] = [];
  const required = (name: string, what: string): string => {
    const value = env[name];
    if (!value) problems.push(`set ${name} to ${what}`);
    return value ?? '';
  };
  const port = (name: string, fallback: number): number => {
    const value = env[name];
    if (!value) return fallback;
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number > 65535) {
      problems.push(`set ${name} to a port number, 0 to 65535`);
    }
    return number;
  };
  const count = (name: string, fallback: number): number => {
    const number = Number(env[name] || fallback);
    if (!Number.isInteger(number) || number < 1) {
      problems.push(`set ${name} to a whole number, 1 or more`);
    }
    return number;
  };
  const duration = (name: string, fallbackMs: number): number => {
    const value = env[name] || `${fallbackMs}ms`;
    const [, number, unit] = /^([1-9]\d*)(ms|s)$/.exec(value) ?? [];
    if (number === undefined) problems.push(`set ${name} to a time such as 1500ms or 2s`);
    return Number(number) * (unit === 's' ? 1000 : 1);
  };
  const logLevel = env['LOG_LEVEL'] || 'info';
  if (!isLevel(logLevel)) problems.push(`set LOG_LEVEL to one of ${LEVELS.join(', ')}`);
  const settings: Settings = {
    namespace: required('POD_NAMESPACE', "the operator's own namespace"),
    podName: required('POD_NAME', 'a name for this process'),
    runtimeImage: required('RUNTIME_IMAGE', 'the image that agents run by default'),
    runtimeImagePullPolicy: env['RUNTIME_IMAGE_PULL_POLICY'] || undefined,
    upgradeConcurrency: count('RUNTIME_UPGRADE_CONCURRENCY', 5),
    upgradeFailures: count('RUNTIME_UPGRADE_FAILURES', 3),
    reconcileConcurrency: count('RECONCILE_CONCURRENCY', 32),
    requestsInFlight: count('API_REQUESTS_IN_FLIGHT', 7),
    tokenReviewsInFlight: count('API_TOKEN_REVIEWS_IN_FLIGHT', 4),
    dialling: {
      connectMs: duration('LINK_CONNECT_TIMEOUT', 1_500),
      connects: {
        first: count('LINK_CONNECTS', 512),
        repeated: count('LINK_REPEATED_CONNECTS', 32),
      },
      handshakes: {
        first: count('LINK_HANDSHAKES', 16),
        repeated: count('LINK_REPEATED_HANDSHAKES', 4),
      },
    },
    reports: {
      bytesPerSecond: count('LINK_BYTES_PER_SECOND', 262_144),
      messagesPerSecond: count('LINK_MESSAGES_PER_SECOND', 50),
      burstSeconds: count('LINK_BURST_SECONDS', 20),
      excessMs: duration('LINK_EXCESS_BACKOFF', 300_000),
    },
    tenancy: tenancyFrom(env, problems),
    share: shareFrom(env, problems),
    logLevel,
    logLevels: levelsFrom(env['LOG_LEVELS'], problems),
    ...runbooksFrom(env['RUNBOOKS_URL'], problems),
    ...tracingFrom(env, problems),
    ...meshFrom(env['MESH'], problems),
    ...linksFrom(env['LINKS'], problems),
    leaseName: env['LEASE_NAME'] || 'breakwater-operator',
    authoritySecret: env['AUTHORITY_SECRET'] || 'breakwater-authority',
    authorityCheckMs: duration('AUTHORITY_CHECK_INTERVAL', 10_000),
    ports: {
      metrics: port('METRICS_PORT', 8080),
      health: port('HEALTH_PORT', 8081),
      debug: port('DEBUG_PORT', 9091),
    },
  };
  if (settings.share.namespaces.includes(settings.namespace)) {
    problems.push(
      "set WATCH_NAMESPACES to other namespaces than the operator's own, which it leaves alone",
    );
  }
  if (problems.length > 0) throw new Error(`The operator cannot start: ${problems.join('; ')}`);
  return settings;
}

const isLevel = (text: string): boolean => (LEVELS as readonly string[]).includes(text);

function levelsFrom(text: string | undefined = '', problems: string[]): Record<string, string> {
  const pairs = text
    .split(',')
    .filter((pair) => pair !== '')
    .map((pair) => pair.split('=', 2) as [string, string]);
  const known = ([module, level = '']: [string, string]): boolean =>
    (MODULES as readonly string[]).includes(module) && isLevel(level);
  if (!pairs.every(known)) {
    problems.push(
      `set LOG_LEVELS to pairs such as links=debug,reconcile=warn, of the modules ${MODULES.join(', ')} and the levels ${LEVELS.join(', ')}`,
    );
  }
  return Object.fromEntries(pairs);
}

/** A requirement on one label, as kubectl takes it: app=a, app!=a, app in (a,b), app notin (a,b), app, !app. */
const KEY = '[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?';
const VALUE = '([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?';
const VALUES = `\\(\\s*${VALUE}(\\s*,\\s*${VALUE})*\\s*\\)`;
const REQUIREMENT = `\\s*(!?${KEY}|${KEY}\\s*(=|==|!=)\\s*${VALUE}|${KEY}\\s+(in|notin)\\s+${VALUES})\\s*`;
const SELECTOR = new RegExp(`^${REQUIREMENT}(,${REQUIREMENT})*$`);
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

function shareFrom(env: Record<string, string | undefined>, problems: string[]): Share {
  // Earlier charts set WATCH_NAMESPACE.
  const named = names(`${env['WATCH_NAMESPACES'] ?? ''},${env['WATCH_NAMESPACE'] ?? ''}`);
  if (!named.every((name) => NAMESPACE.test(name))) {
    problems.push('set WATCH_NAMESPACES to names of namespaces with commas between them');
  }
  const selector = env['WATCH_SELECTOR'];
  if (selector && !SELECTOR.test(selector)) {
    problems.push('set WATCH_SELECTOR to a selector of labels such as share=a or share in (a,b)');
  }
  return { namespaces: [...new Set(named)], ...(selector && { selector }) };
}

const names = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

const POD_TEMPLATE = ['Restricted', 'Any'];

function tenancyFrom(env: Record<string, string | undefined>, problems: string[]): Tenancy {
  const podTemplate = env['TENANCY_POD_TEMPLATE'] || 'Restricted';
  if (!POD_TEMPLATE.includes(podTemplate)) {
    problems.push(`set TENANCY_POD_TEMPLATE to ${POD_TEMPLATE.join(' or ')}`);
  }
  const images = names(env['TENANCY_IMAGES'] ?? '');
  const programImages = names(env['TENANCY_PROGRAM_IMAGES'] ?? '');
  const secretNames = names(env['TENANCY_SECRET_NAMES'] ?? '*');
  if (!secretNames.every((name) => /^[a-z0-9.*-]+$/.test(name))) {
    problems.push('set TENANCY_SECRET_NAMES to names of Secrets, in which * stands for anything');
  }
  const identities = names(env['TENANCY_IDENTITIES'] ?? '');
  if (!identities.every((name) => /^[A-Za-z0-9:/@._*-]+$/.test(name))) {
    problems.push(
      'set TENANCY_IDENTITIES to identities such as aws:arn:aws:iam::111122223333:role/agents-*, in which * stands for anything',
    );
  }
  return {
    podTemplate: podTemplate as Tenancy['podTemplate'],
    ...{ images, programImages, secretNames, identities },
  };
}

function tracingFrom(
  env: Record<string, string | undefined>,
  problems: string[],
): Pick<Settings, 'tracing' | 'ownTracing'> {
  const tracing = collectorFrom('TRACING', env, problems);
  const ownTracing = collectorFrom('OPERATOR_TRACING', env, problems);
  return { ...(tracing && { tracing }), ...(ownTracing && { ownTracing }) };
}

function collectorFrom(
  name: string,
  env: Record<string, string | undefined>,
  problems: string[],
): TracingSettings | undefined {
  const endpoint = env[`${name}_ENDPOINT`];
  if (!endpoint) return undefined;
  if (!/^https?:\/\/[^/?#@\s]+(\/[^?#\s]*)?$/.test(endpoint)) {
    problems.push(`set ${name}_ENDPOINT to a URL such as http://otel-collector.monitoring:4318`);
  }
  const ratio = Number(env[`${name}_RATIO`] || '1');
  if (!(ratio >= 0 && ratio <= 1)) problems.push(`set ${name}_RATIO to a number from 0 to 1`);
  return { endpoint, ratio, parentBased: env[`${name}_PARENT_BASED`] !== 'false' };
}

function runbooksFrom(value: string | undefined, problems: string[]): Pick<Settings, 'runbooks'> {
  if (!value) return {};
  if (!/^https?:\/\/\S+$/.test(value)) {
    problems.push('set RUNBOOKS_URL to an address that begins with http:// or https://');
  }
  return { runbooks: value };
}

function meshFrom(value: string | undefined, problems: string[]): Pick<Settings, 'mesh'> {
  const mesh = MESHES.find((known) => known === value);
  if (value && !mesh) problems.push(`set MESH to ${MESHES.join(' or ')}, or not at all`);
  return mesh ? { mesh } : {};
}

function linksFrom(value: string | undefined, problems: string[]): Pick<Settings, 'links'> {
  if (!value) return {};
  if (value === 'PortForward') return { links: value };
  problems.push('set LINKS to PortForward, or not at all to reach pods at their addresses');
  return {};
}
