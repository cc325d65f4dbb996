import type { Option } from '../terminal/command.ts';

/** Options for the cluster and its namespaces, as for kubectl. */
export const CLUSTER_OPTIONS = {
  namespace: {
    type: 'string',
    short: 'n',
    value: 'NAMESPACE',
    help: "the namespace (default: the context's)",
  },
  context: { type: 'string', value: 'NAME', help: 'the context of the kubeconfig' },
  kubeconfig: { type: 'string', value: 'PATH', help: 'the kubeconfig (default: $KUBECONFIG)' },
} satisfies Record<string, Option>;

export const ALL_NAMESPACES = {
  'all-namespaces': { type: 'boolean', short: 'A', help: 'all namespaces' },
} satisfies Record<string, Option>;

export const OUTPUT = {
  output: {
    type: 'string',
    short: 'o',
    value: 'FORM',
    choices: ['json', 'yaml', 'wide'],
    help: 'json, yaml, or wide: tables and texts as wide as they are',
  },
} satisfies Record<string, Option>;
