/** Types of incidents, as in labels of metrics and in status. The first ten are those of the guides, see docs/reference/guides.md. */
export const INCIDENT_TYPES = [
  'BruteForceAttack',
  'CredentialStuffing',
  'UnauthorizedAccess',
  'PrivilegeEscalation',
  'RateLimitAbuse',
  'AnomalousAccess',
  'DataExfiltration',
  'SessionHijacking',
  'ConfigurationTampering',
  'PromptInjection',
  'ToolMisuse',
  'SecretExposed',
  'MalformedInput',
  'ToolChanged',
  'CredentialRefused',
] as const;

export type IncidentType = (typeof INCIDENT_TYPES)[number];

/**
 * Names of version 0.1, with the types that stand for them now. Manifests, and pods and operators of that version, may
 * use them until 0.3.
 */
export const FORMER_TYPES: Readonly<Record<string, readonly [IncidentType, ...IncidentType[]]>> = {
  FailedAuthentication: ['BruteForceAttack', 'CredentialStuffing'],
  AuthorizationDenied: ['UnauthorizedAccess', 'PrivilegeEscalation'],
  LimitAbuse: ['RateLimitAbuse'],
  AnomalousSpend: ['AnomalousAccess'],
};

/** The types of today that a name stands for; empty for an unknown one. */
export function typesNow(name: string): readonly IncidentType[] {
  const former = Object.hasOwn(FORMER_TYPES, name) ? FORMER_TYPES[name] : undefined;
  return former ?? INCIDENT_TYPES.filter((type) => type === name);
}

/** Threat levels, lowest first. */
export const INCIDENT_LEVELS = ['Low', 'Medium', 'High', 'Critical'] as const;

export type IncidentLevel = (typeof INCIDENT_LEVELS)[number];

/** Rank of a level, from 0. */
export function gravity(level: IncidentLevel): number {
  return INCIDENT_LEVELS.indexOf(level);
}
