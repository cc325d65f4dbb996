import { Kubectl } from '../kit/kubectl.ts';
import { refusals } from '../kit/platform.ts';
import { readSite } from './site.ts';

/**
 * Checks that the roles of the chart were enough for the whole suite.
 * @throws Error if the operator was refused a request
 */
export default async function teardown(): Promise<void> {
  const refused = await refusals(new Kubectl(readSite().environment));
  if (refused.length > 0)
    throw new Error(`the operator lacks permissions:\n${refused.slice(0, 10).join('\n')}`);
}
