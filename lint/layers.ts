/**
 * The layers of each program, lowest first. A file may import its own layer and those its layer names.
 * ESLint enforces this table (importRules.ts); docs/architecture.md draws it (diagram.ts).
 */
export interface Layer {
  /** Path from the root. The longest path that contains a file names the file's layer. */
  folder: string;
  /** What its files are for, in a few words. */
  purpose: string;
  /** Folders of other layers that its files may import. */
  imports: readonly string[];
  /** Packages that its files must not import, with the reason. Default: Kubernetes' client. */
  refuses?: Refusal;
}

export interface Refusal {
  packages: RegExp;
  reason: string;
}

/** What a layer refuses that says nothing of packages. */
export const KUBERNETES_CLIENT: Refusal = {
  packages: /^@kubernetes\/client-node/,
  reason: 'only operator/kube talks to Kubernetes',
};
const ALL_PACKAGES: Refusal = { packages: /./, reason: 'this layer uses no package' };
const INPUT_AND_OUTPUT: Refusal = {
  packages:
    /^@kubernetes\/client-node|^(node:)?(fs|net|http|https|http2|tls|dns|child_process)(\/|$)/,
  reason: 'this layer is pure: it does no input or output',
};

const SHARED = ['contract', 'crds'];

const RUNTIME: Layer[] = [
  {
    folder: 'runtime/errors',
    purpose: 'what can go wrong, and how it is answered',
    imports: SHARED,
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/resilience',
    purpose: 'breaker, window, bucket, bulkhead, gates, retry budget',
    imports: ['runtime/errors'],
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/guard',
    purpose: 'what protects one dependency: permits, limits, snapshots',
    imports: [...SHARED, 'runtime/errors', 'runtime/resilience'],
  },
  {
    folder: 'runtime/model/transport',
    purpose: 'sockets, server-sent events, headers',
    imports: [...SHARED, 'runtime/errors', 'runtime/resilience', 'runtime/guard'],
  },
  {
    folder: 'runtime/model/attempt',
    purpose: 'one call of an endpoint, and its watch',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
    ],
  },
  {
    folder: 'runtime/model/pool',
    purpose: 'endpoints, balancing, route',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model/attempt',
    ],
  },
  {
    folder: 'runtime/model',
    purpose: 'a request to the model, with its retries',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model/attempt',
      'runtime/model/pool',
    ],
  },
  {
    folder: 'runtime/cache',
    purpose: 'tiers of answers',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model',
    ],
  },
  {
    folder: 'runtime/conversations/messages',
    purpose: 'what a conversation consists of',
    imports: [...SHARED, 'runtime/errors', 'runtime/model/transport', 'runtime/model'],
  },
  {
    folder: 'runtime/conversations/stores',
    purpose: 'where conversations are kept',
    imports: [...SHARED, 'runtime/errors', 'runtime/conversations/messages'],
  },
  {
    folder: 'runtime/conversations/tools',
    purpose: 'tools over HTTP and MCP',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/conversations/messages',
    ],
  },
  {
    folder: 'runtime/conversations',
    purpose: 'turns of an agent',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model',
      'runtime/conversations/messages',
      'runtime/conversations/stores',
      'runtime/conversations/tools',
    ],
  },
  {
    folder: 'runtime/api',
    purpose: 'what clients meet: server, authentication, messages, conversations, peers',
    imports: [
      ...SHARED,
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model',
      'runtime/cache',
      'runtime/conversations/messages',
      'runtime/conversations/stores',
      'runtime/conversations',
    ],
  },
  {
    folder: 'runtime/control',
    purpose: 'configuration in, reports out',
    imports: [...SHARED, 'runtime/errors', 'runtime/resilience', 'runtime/guard'],
  },
  {
    folder: 'runtime/observe',
    purpose: 'metrics, health, logs, debug pages',
    imports: [...SHARED, 'runtime/errors', 'runtime/resilience', 'runtime/guard'],
  },
];

const OPERATOR: Layer[] = [
  {
    folder: 'operator/kube',
    purpose: 'a client of Kubernetes: informers, work queue, leader election',
    imports: ['crds'],
    refuses: { packages: /(?!)/, reason: '' },
  },
  {
    folder: 'operator/resources',
    purpose: 'the kinds that the operator reads and writes, and its permissions',
    imports: [...SHARED, 'operator/kube'],
  },
  {
    folder: 'operator/desired/common',
    purpose: 'durations, names, problems',
    imports: SHARED,
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/policies',
    purpose: 'which policies apply to which dependency',
    imports: [...SHARED, 'operator/desired/common'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/configuration',
    purpose: 'what the pods of an agent enforce',
    imports: [...SHARED, 'operator/desired/common', 'operator/desired/policies'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/objects',
    purpose: 'the Kubernetes objects of an agent',
    imports: [
      ...SHARED,
      'operator/desired/common',
      'operator/desired/policies',
      'operator/desired/configuration',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired',
    purpose: 'the plan of an agent',
    imports: [
      ...SHARED,
      'operator/desired/common',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired/objects',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/links',
    purpose: 'one connection to each pod',
    imports: [...SHARED, 'operator/kube', 'operator/resources'],
  },
  {
    folder: 'operator/status',
    purpose: 'what is observed → status and Events',
    imports: [
      ...SHARED,
      'operator/desired/common',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/reconcile',
    purpose: 'get, gather, plan, apply, status',
    imports: [
      ...SHARED,
      'operator/kube',
      'operator/resources',
      'operator/desired/common',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired/objects',
      'operator/desired',
      'operator/links',
      'operator/status',
    ],
  },
];

const every = (layers: readonly Layer[]): string[] => layers.map(({ folder }) => folder);

export const LAYERS: readonly Layer[] = [
  { folder: 'contract', purpose: 'what passes between operator and runtime', imports: [] },
  { folder: 'crds', purpose: 'the custom resources and their types', imports: [] },
  ...RUNTIME,
  {
    folder: 'runtime',
    purpose: 'the process: joins its parts',
    imports: [...SHARED, ...every(RUNTIME)],
  },
  ...OPERATOR,
  {
    folder: 'operator',
    purpose: 'the process: joins its parts',
    imports: [...SHARED, ...every(OPERATOR)],
  },
];
