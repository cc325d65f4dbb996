import type { FEATURES } from '../../../contract/link.ts';

export type Feature = (typeof FEATURES)[number];

/** The named features, which a runtime needs for an element of the configuration. */
export function requires(...features: (Feature | false)[]): Feature[] {
  return features.filter((feature) => feature !== false);
}
