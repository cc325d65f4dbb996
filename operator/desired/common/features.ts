import type { FEATURES } from '../../../contract/link.ts';

export type Feature = (typeof FEATURES)[number];

/** What an element of the configuration needs a runtime to have: those that are named. */
export function requires(...features: (Feature | false)[]): Feature[] {
  return features.filter((feature) => feature !== false);
}
