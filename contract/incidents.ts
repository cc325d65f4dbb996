/** Types of incidents, as in labels of metrics and in status. */
export const INCIDENT_TYPES = [
  'FailedAuthentication',
  'AuthorizationDenied',
  'PromptInjection',
  'ToolMisuse',
  'SecretExposed',
  'LimitAbuse',
  'MalformedInput',
  'ToolChanged',
  'CredentialRefused',
  'AnomalousSpend',
] as const;

export type IncidentType = (typeof INCIDENT_TYPES)[number];

/** Threat levels, lowest first. */
export const INCIDENT_LEVELS = ['Low', 'Medium', 'High', 'Critical'] as const;

export type IncidentLevel = (typeof INCIDENT_LEVELS)[number];

/** Rank of a level, from 0. */
export function gravity(level: IncidentLevel): number {
  return INCIDENT_LEVELS.indexOf(level);
}
