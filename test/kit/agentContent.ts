import { join } from 'node:path';
import { localPlans } from '../../cli/local/agentPlan.ts';
import { Inventory } from '../../cli/manifests/inventory.ts';
import { checks } from '../../cli/manifests/kinds.ts';
import type { Content } from '../../contract/generated/types.ts';

/**
 * The configuration that the operator makes of an AgentDeployment and policies, so that what a manifest leaves out has
 * the default of the CRD. Every endpoint's key is the file `api-key` in the directory.
 */
export function agentContent(
  agent: object,
  directory: string,
  policies: readonly object[] = [],
): Content {
  const inventory = new Inventory(checks(), () => new Date());
  const manifests = [agent, ...policies].map((each) => JSON.stringify(each)).join('\n---\n');
  const { faults } = inventory.load(new Map([['agent', manifests]]));
  if (faults.length > 0) throw new Error(faults.map(({ message }) => message).join('\n'));
  const { agents } = localPlans(inventory.objects(), {
    environment: {},
    directoryOf: () => directory,
  });
  const whole = agents[0]!.content!;
  for (const { credential } of whole.endpoints) credential!.path = join(directory, 'api-key');
  return whole;
}
