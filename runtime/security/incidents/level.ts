import { INCIDENT_LEVELS } from '../../../contract/incidents.ts';
import type { IncidentLevel, IncidentType } from '../../../contract/incidents.ts';
import type { Asset, IncidentForm } from './incident.ts';

/** Level of a single detection, in steps above Low. */
const TYPES: Record<IncidentType, number> = {
  FailedAuthentication: 0,
  AuthorizationDenied: 0,
  PromptInjection: 0,
  ToolMisuse: 0,
  SecretExposed: 1,
  LimitAbuse: 0,
  MalformedInput: 0,
  ToolChanged: 1,
  CredentialRefused: 0,
  AnomalousSpend: 1,
};

const FORMS: Partial<Record<IncidentForm, number>> = { ManySources: 2, EgressRefused: 1 };

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
  form?: IncidentForm | undefined;
  asset: Asset;
  /** Detections, as a multiple of the number that opens an incident. */
  times: number;
}

/** The threat level. It rises one step at each multiple of `raiseAt`. */
export function levelOf({ type, form, asset, times }: Graded, raiseAt: number): IncidentLevel {
  let steps = TYPES[type] + (form === undefined ? 0 : (FORMS[form] ?? 0)) + ASSETS[asset];
  for (let bound = raiseAt; times >= bound && steps < 3; bound *= raiseAt) steps += 1;
  return INCIDENT_LEVELS[Math.min(steps, 3)]!;
}
