/** What an incident is about; labels of metrics and fields of status have these words. */
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

/** Threat levels, the lowest first. */
export const INCIDENT_LEVELS = ['Low', 'Medium', 'High', 'Critical'] as const;

export type IncidentLevel = (typeof INCIDENT_LEVELS)[number];

/** How grave it is, from 0. */
export function gravity(level: IncidentLevel): number {
  return INCIDENT_LEVELS.indexOf(level);
}
