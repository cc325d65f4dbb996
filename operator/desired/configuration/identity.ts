import { createHash } from 'node:crypto';
import type { Endpoint } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';

type EndpointSpec = AgentDeployment['spec']['model']['endpoints'][number];
export type IdentitySpec = NonNullable<EndpointSpec['identity']>;

const AWS = 'sts.amazonaws.com';
const AZURE = 'api://AzureADTokenExchange';

/** Audience of the ServiceAccount's token that the cloud wants; undefined if it wants none. */
export function audienceOf({ aws, google, azure }: IdentitySpec): string | undefined {
  if (aws) return aws.roleARN === undefined ? undefined : AWS;
  return azure ? AZURE : google?.audience;
}

/** Name of the volume with the token for an audience. */
export function tokenVolume(audience: string): string {
  return `identity-${createHash('sha256').update(audience).digest('hex').slice(0, 16)}`;
}

/** Directory in the pod with the token for an audience. */
export function tokenDirectory(audience: string): string {
  return `${MOUNTS.identities}/${tokenVolume(audience)}`;
}

/** The agent's identity for an endpoint. */
export function resolveIdentity({ identity, region }: EndpointSpec): Pick<Endpoint, 'identity'> {
  if (!identity) return {};
  const { aws, ...others } = identity;
  const audience = audienceOf(identity);
  return {
    identity: {
      ...others,
      ...(aws && { aws: { ...aws, ...(aws.roleARN !== undefined && { region: region! }) } }),
      ...(audience !== undefined && { directory: tokenDirectory(audience) }),
    },
  };
}
