import { Kubectl } from '../kit/kubectl.ts';
import { refusals } from '../kit/platform.ts';
import { readSite } from './site.ts';

/**
 * The whole suite runs under the roles that the chart grants.
 * @throws Error when they were not enough for the operator that runs at the end
 */
export default async function teardown(): Promise<void> {
  const refused = await refusals(new Kubectl(readSite().environment));
  if (refused.length > 0)
    throw new Error(`the operator lacks permissions:\n${refused.slice(0, 10).join('\n')}`);
}
