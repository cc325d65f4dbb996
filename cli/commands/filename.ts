import type { Option } from '../terminal/command.ts';

/** Where manifests are. */
export const FILENAME = {
  filename: {
    type: 'string',
    short: 'f',
    value: 'PATH',
    help: 'a manifest, or a directory with manifests (.yaml, .yml, .json)',
  },
} satisfies Record<string, Option>;
