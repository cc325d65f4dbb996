/**
 * Fields that v1alpha1 renamed or removed. Each stays in its definition for one version after `SINCE`. A renamed field is read
 * where its successor is absent. A removed field is ignored, and its definition refuses manifests that newly set it.
 *
 * The condition DeprecatedFields, `breakwater migrate` and docs/reference/deprecated.md are made from this table.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Rule } from './definitions.ts';

/** The version that made the changes below. */
export const SINCE = '0.2.0';
/** The version that drops the fields from the definitions. */
export const UNTIL = '0.3.0';

export interface DeprecatedField {
  kind: 'AgentDeployment' | 'CircuitBreakerPolicy' | 'RateLimitPolicy';
  /** Such as spec.limits[].key.principal; [] stands for each element of a list. */
  path: string;
  how: 'Renamed' | 'Removed';
  /** What to use now, as a sentence. */
  instead: string;
  /** What the definition of the version before filled in. An object that has it says nothing by it. */
  filledIn?: unknown;
  /**
   * The path that gets the value, with as many [] as `path` has, and the value there; undefined for none. Default: nothing
   * gets it.
   */
  moved?: { to: string; value?: (value: unknown) => unknown };
}

/** A field of one object, such as spec.limits[0].key.principal. */
export interface Found {
  field: DeprecatedField;
  at: Path;
  value: unknown;
}

/** Steps from the top of an object to a field. */
export type Path = readonly (string | number)[];

const CONSTANT = 'It is a constant now, see docs/reference/constants.md.';

/** What spec.requestLimits is where nothing is written. */
export const REQUEST_LIMITS = {
  maxBodyBytes: 33_554_432,
  maxBodyBytesInFlight: 67_108_864,
  bodyIdleTimeout: '10s',
  minBodyBytesPerSecond: 1024,
  maxConnections: 2000,
  maxConnectionsPerAddress: 500,
};

/** What spec.security.incidents.thresholds had where nothing was written. */
const THRESHOLDS: Readonly<Record<string, number>> = {
  failedAuthentication: 1,
  authorizationDenied: 1,
  promptInjection: 1,
  toolMisuse: 5,
  secretExposed: 1,
  limitAbuse: 100,
  malformedInput: 10,
};

/** The type that each of these fields was about. */
const THRESHOLD_TYPES: Readonly<Record<string, string>> = {
  failedAuthentication: 'BruteForceAttack',
  authorizationDenied: 'UnauthorizedAccess',
  promptInjection: 'PromptInjection',
  toolMisuse: 'ToolMisuse',
  secretExposed: 'SecretExposed',
  limitAbuse: 'RateLimitAbuse',
  malformedInput: 'MalformedInput',
};

/** An entry of spec.security.incidents.rules. */
export interface IncidentRule {
  type: string;
  count: number;
  within?: string;
  level?: string;
}

/** What spec.security.incidents.rules is where nothing is written. */
export const INCIDENT_RULES: readonly IncidentRule[] = [
  { type: 'BruteForceAttack', count: 5, within: '60s', level: 'Critical' },
  { type: 'ToolMisuse', count: 5 },
  { type: 'RateLimitAbuse', count: 100 },
  { type: 'MalformedInput', count: 10 },
];

/** The rules that spec.security.incidents.thresholds stands for. */
export function incidentRules(thresholds: unknown): IncidentRule[] {
  const counts = {
    ...THRESHOLDS,
    ...(isRecord(thresholds) ? thresholds : {}),
  } as typeof THRESHOLDS;
  return [
    ...INCIDENT_RULES.filter(({ level }) => level !== undefined),
    ...Object.entries(THRESHOLD_TYPES)
      .map(([field, type]) => ({ type, count: counts[field]! }))
      .filter(({ count }) => count > 1),
  ];
}

export const DEPRECATED: readonly DeprecatedField[] = [
  {
    kind: 'CircuitBreakerPolicy',
    path: 'spec.trip.abandonedAfter',
    how: 'Removed',
    instead: 'It is timeouts.firstToken of the AgentDeployment.',
  },
  {
    kind: 'CircuitBreakerPolicy',
    path: 'spec.fleet.hintLifetime',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: '30s',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.timeouts.transportIdle',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: '45s',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.audit.webhook',
    how: 'Removed',
    instead: 'Use spec.audit.otlp, or have a log pipeline read standard output.',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.audit.memoryEvents',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 1000,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.audit.bufferBytes',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 1_048_576,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.audit.authenticationInterval',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: '1h',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.audit.otlp.queueBytes',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 67_108_864,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.window',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: '10m',
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.maxTracked',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 1000,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.thresholds',
    how: 'Renamed',
    instead: 'Use spec.security.incidents.rules.',
    filledIn: THRESHOLDS,
    moved: { to: 'spec.security.incidents.rules', value: incidentRules },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.raiseLevelAt',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 10,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.manySources',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: 10,
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.security.incidents.spend',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: { factor: 5, hours: 24, minTokens: 100_000 },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.auth.failures',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: { perMinute: 60, maxAddresses: 10_000 },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.auth.jwt.keys',
    how: 'Removed',
    instead: CONSTANT,
    filledIn: { timeout: '5s', refreshInterval: '5m', maxAge: '24h', cooldown: '10s' },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.limits',
    how: 'Renamed',
    instead: 'Use spec.requestLimits.',
    filledIn: REQUEST_LIMITS,
    moved: { to: 'spec.requestLimits' },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.clientPatience',
    how: 'Renamed',
    instead: 'Use spec.retry.maxRetryAfter.',
    filledIn: '5s',
    moved: { to: 'spec.retry.maxRetryAfter' },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.gates.maxWait',
    how: 'Renamed',
    instead: 'Use spec.retry.maxProviderWait.',
    filledIn: '5m',
    moved: { to: 'spec.retry.maxProviderWait' },
  },
  {
    kind: 'AgentDeployment',
    path: 'spec.conversation.store.redis',
    how: 'Renamed',
    instead: 'Use spec.redis.',
    moved: { to: 'spec.redis' },
  },
  {
    kind: 'RateLimitPolicy',
    path: 'spec.limits[].key.principal',
    how: 'Renamed',
    instead: 'Use spec.limits[].key.type Client.',
    moved: { to: 'spec.limits[].key.type', value: () => 'Client' },
  },
];

/** The deprecated fields that the object has, in the order of the table. A field that only holds `filledIn` counts too. */
export function deprecatedFields(
  object: object,
  table: readonly DeprecatedField[] = DEPRECATED,
): Found[] {
  const { kind } = object as { kind?: unknown };
  return table
    .filter((field) => field.kind === kind)
    .flatMap((field) =>
      valuesAt(object, steps(field.path)).map(([at, value]) => ({ field, at, value })),
    );
}

/** Whether the object says something by the field: whether it holds another value than an earlier version filled in. */
export function isSaid({ field: { filledIn }, value }: Found): boolean {
  return !isFilledIn(value, filledIn);
}

function isFilledIn(value: unknown, filledIn: unknown): boolean {
  if (!isRecord(value) || !isRecord(filledIn)) return isDeepStrictEqual(value, filledIn);
  return Object.entries(value).every(([name, each]) => isFilledIn(each, filledIn[name]));
}

/** What the definition says of the field. */
export function description({ how, instead }: DeprecatedField): string {
  const [what, effect] = how === 'Removed' ? ['Removed', ' and ignored'] : ['Renamed', ''];
  return `${what} in ${SINCE}${effect}. ${instead}`;
}

/** The rule of the definition that refuses a removed field in a manifest that newly sets it. */
export function refusal({ path, instead }: DeprecatedField): Rule {
  const name = steps(path).at(-1)!;
  return {
    rule: `!has(self.${name}) || oldSelf.?${name}.hasValue()`,
    optionalOldSelf: true,
    fieldPath: `.${name}`,
    message: `must not be set, because it was removed in ${SINCE}. ${instead} breakwater migrate -f PATH rewrites manifests.`,
  };
}

/** Markdown table of the fields. */
export function deprecationTable(table: readonly DeprecatedField[] = DEPRECATED): string {
  const rows = table.map(
    ({ kind, path, how, instead }) =>
      `| ${kind} | \`${path}\` | ${how === 'Renamed' ? 'renamed' : 'removed'} | ${instead} |`,
  );
  return ['| kind | field | what | instead |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

/** The steps of a path such as spec.limits[].key: the text [] for each element of a list. */
export function steps(path: string): string[] {
  return path.replaceAll('[]', '.[]').split('.');
}

/** A path as Kubernetes writes it, such as spec.limits[0].key. */
export function pathText(path: Path): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .slice(1);
}

function valuesAt(value: unknown, rest: readonly string[], at: Path = []): [Path, unknown][] {
  const [step, ...further] = rest;
  if (step === undefined) return value === undefined ? [] : [[at, value]];
  if (step === '[]') {
    if (!Array.isArray(value)) return [];
    return value.flatMap((each: unknown, index) => valuesAt(each, further, [...at, index]));
  }
  return isRecord(value) ? valuesAt(value[step], further, [...at, step]) : [];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
