import type { Option } from '../terminal/command.ts';

/** Option for the path of manifests. */
export const FILENAME = {
  filename: {
    type: 'string',
    short: 'f',
    value: 'PATH',
    help: 'a manifest, or a directory with manifests (.yaml, .yml, .json)',
  },
} satisfies Record<string, Option>;
