import type { Configuration } from '../../../contract/generated/types.ts';
import { MOUNTS } from '../../../contract/link.ts';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import { childMetadata, configMapName } from '../common/metadata.ts';
import type { ConfigMap } from './objects.ts';

/**
 * What a pod needs to start while the operator is down: the configuration, the authorities (PEM) of the operator's
 * certificate, and the token of its program, if it has one.
 */
export function buildConfigMap(
  agent: AgentDeployment,
  configuration: Configuration,
  authorityPem: string,
  programToken?: string,
): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: childMetadata(agent, configMapName(agent)),
    data: {
      [MOUNTS.configurationKey]: JSON.stringify(configuration),
      [MOUNTS.authorityKey]: authorityPem,
      ...(programToken !== undefined && { [MOUNTS.programTokenKey]: programToken }),
    },
  };
}
