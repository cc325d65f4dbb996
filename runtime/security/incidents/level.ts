import { INCIDENT_LEVELS } from '../../../contract/incidents.ts';
import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import type { Asset } from './incident.ts';

/** Level of a single detection, in steps above Low. */
const TYPES: Record<IncidentType, number> = {
  BruteForceAttack: 0,
  CredentialStuffing: 2,
  UnauthorizedAccess: 0,
  PrivilegeEscalation: 0,
  RateLimitAbuse: 0,
  AnomalousAccess: 1,
  DataExfiltration: 1,
  SessionHijacking: 1,
  ConfigurationTampering: 2,
  PromptInjection: 0,
  ToolMisuse: 0,
  SecretExposed: 1,
  MalformedInput: 0,
  ToolChanged: 1,
  CredentialRefused: 0,
};

const ASSETS: Record<Asset, number> = {
  Access: 0,
  Availability: 0,
  Budget: 0,
  Conversations: 1,
  Tools: 1,
  Credentials: 1,
};

export interface Graded {
  type: IncidentType;
  asset: Asset;
  /** Detections, as a multiple of the number that opens an incident. */
  times: number;
}

/** The threat level. It rises one step at each multiple of `raiseAt`. */
export function levelOf({ type, asset, times }: Graded, raiseAt: number): IncidentLevel {
  let steps = TYPES[type] + ASSETS[asset];
  for (let bound = raiseAt; times >= bound && steps < 3; bound *= raiseAt) steps += 1;
  return INCIDENT_LEVELS[Math.min(steps, 3)]!;
}
