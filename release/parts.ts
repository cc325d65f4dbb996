/** The parts of a release, in the order in which they are made: the last two look at the files of the others. */
export const PARTS = [
  'chart',
  'install',
  'sbom',
  'notes',
  'executable',
  'images',
  'krew',
  'checksums',
] as const;

export type Part = (typeof PARTS)[number];
