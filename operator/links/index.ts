export type { AuthorityData, RotationPlan } from './authorities.ts';
export {
  type Authority,
  type ClientCredentials,
  createAuthority,
  issueClientCertificate,
} from './authority.ts';
export { Credentials } from './credentials.ts';
export { createDial, type Dial, type DialAddress } from './dial.ts';
export { identityOf, type ReviewedIdentity } from './identity.ts';
export { Links, type LinksOptions, type LinksTiming } from './links.ts';
export {
  Rotation,
  type RotationOptions,
  type SecretStore,
  type StoredAuthorities,
} from './rotation.ts';
export type { ChangeKind, PodReport } from './report.ts';
export { type AgentKey, agentKeyOf, type PodTarget } from './target.ts';
