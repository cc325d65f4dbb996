import type { Cluster, Images } from '../cluster/common/cluster.ts';
import type { ClusterEnvironment } from '../kit/kubectl.ts';

/** Label of the suite's namespaces. */
export const SUITE_LABEL = 'breakwater.dev/test=e2e';

/** Result of the global setup for the test files. */
export interface Site {
  environment: ClusterEnvironment;
  images: Images;
  /** Default: one whose pods can only be reached through the API server. */
  cluster?: Pick<Cluster, 'name'>;
}

const VARIABLE = 'BREAKWATER_TEST_SITE';

/** Stores the site for test files, which may run in other processes. */
export function shareSite(site: Site): void {
  process.env[VARIABLE] = JSON.stringify(site);
}

/** The site of the global setup. */
export function readSite(): Site {
  const text = process.env[VARIABLE];
  if (text === undefined) throw new Error('run the end-to-end tests with make e2e');
  return JSON.parse(text) as Site;
}
