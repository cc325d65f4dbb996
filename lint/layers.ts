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

const SHARED = ['common', 'contract', 'crds', 'tracing'];

/** A layer of a stack. Its imports come on top of those of the stack. */
type StackedLayer = Omit<Layer, 'imports'> & Partial<Pick<Layer, 'imports'>>;

/** Layers of which each may import all before it, and `imports`. */
function stacked(imports: readonly string[], layers: readonly StackedLayer[]): Layer[] {
  return layers.map((layer, index) => ({
    ...layer,
    imports: [...imports, ...(layer.imports ?? []), ...every(layers.slice(0, index))],
  }));
}

const every = (layers: readonly Pick<Layer, 'folder'>[]): string[] =>
  layers.map(({ folder }) => folder);

const GUARD = stacked(SHARED, [
  {
    folder: 'runtime/json',
    purpose: 'reads JSON: by its bytes, and members of parsed values',
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/errors',
    purpose: 'what can go wrong, and how it is answered',
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/resilience',
    purpose: 'breaker, window, bucket, bulkhead, gates, retry budget',
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/security/incidents',
    purpose: 'what is seen of attacks, and what becomes of it',
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/security/injection',
    purpose: 'what of a text looks like an injected prompt',
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/security/secrets',
    purpose: 'keys and tokens in texts',
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/security/screening',
    purpose: 'which texts are looked at, and what becomes of what is found',
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/observe/trace',
    purpose: 'what one request goes through: spans and lines in the log',
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/guard',
    purpose: 'what protects one dependency: permits, limits, snapshots',
  },
  { folder: 'runtime/mounts', purpose: 'files, keys and headers from ConfigMaps and Secrets' },
]);

const UP_TO_GUARD = [...SHARED, ...every(GUARD)];

const RUNTIME: Layer[] = [
  ...GUARD,
  ...stacked(UP_TO_GUARD, [
    { folder: 'runtime/network', purpose: 'proxies, authorities, client certificates' },
    { folder: 'runtime/model/transport', purpose: 'sockets, server-sent events, headers' },
    { folder: 'runtime/model/attempt', purpose: 'one call of an endpoint, and its watch' },
    { folder: 'runtime/model/pool', purpose: 'endpoints, balancing, route' },
    { folder: 'runtime/model', purpose: 'a request to the model, with its retries' },
    { folder: 'runtime/redis', purpose: 'a Redis of the user: its connection, limits in it' },
    { folder: 'runtime/cache', purpose: 'tiers of answers' },
    { folder: 'runtime/conversations/messages', purpose: 'what a conversation consists of' },
    { folder: 'runtime/conversations/stores', purpose: 'where conversations are kept' },
    { folder: 'runtime/conversations/tools', purpose: 'tools over HTTP and MCP' },
    { folder: 'runtime/conversations', purpose: 'turns of an agent' },
    {
      folder: 'runtime/api',
      purpose: 'what clients meet: server, authentication, messages, conversations, peers',
      imports: ['listener'],
    },
  ]),
  {
    folder: 'runtime/security',
    purpose: 'audit: events, their chain and where they are kept; who is watched for incidents',
    imports: UP_TO_GUARD,
  },
  {
    folder: 'runtime/control',
    purpose: 'configuration in, reports out',
    imports: [...UP_TO_GUARD, 'listener'],
  },
  {
    folder: 'runtime/observe',
    purpose: 'metrics, health, logs, traces, debug pages',
    imports: [...UP_TO_GUARD, 'listener'],
  },
];

const KUBE: Layer[] = [
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
];

const DESIRED = stacked(
  SHARED,
  [
    { folder: 'operator/desired/common', purpose: 'durations, names, problems' },
    {
      folder: 'operator/desired/tenancy',
      purpose: 'what the platform lets the authors of agents ask for',
    },
    { folder: 'operator/desired/policies', purpose: 'which policies apply to which dependency' },
    { folder: 'operator/desired/configuration', purpose: 'what the pods of an agent enforce' },
    { folder: 'operator/desired/objects', purpose: 'the Kubernetes objects of an agent' },
    { folder: 'operator/desired', purpose: 'the plan of an agent' },
  ].map((layer) => ({ ...layer, refuses: INPUT_AND_OUTPUT })),
);

const OPERATOR: Layer[] = [
  ...KUBE,
  ...DESIRED,
  {
    folder: 'operator/links',
    purpose: 'one connection to each pod',
    imports: [...SHARED, ...every(KUBE)],
  },
  {
    folder: 'operator/fleet',
    purpose: 'what the leader decides for all pods of an agent',
    imports: SHARED,
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/status',
    purpose: 'what is observed → status and Events',
    imports: [...SHARED, ...every(DESIRED), 'operator/fleet'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/reconcile',
    purpose: 'get, gather, plan, apply, status',
    imports: [
      ...SHARED,
      ...every(KUBE),
      ...every(DESIRED),
      'operator/links',
      'operator/fleet',
      'operator/status',
    ],
  },
];

/**
 * The command joins what operator/desired resolves with the runtime, asks clusters by operator/kube, and adds up figures of
 * pods by operator/status.
 */
const CLI: Layer[] = stacked(
  [...SHARED, ...every(DESIRED), 'operator/kube', 'operator/status'],
  [
    { folder: 'cli/terminal', purpose: 'what a command is; tables that stay on a terminal' },
    { folder: 'cli/manifests', purpose: 'files, checked as the API server checks them' },
    { folder: 'cli/simulator', purpose: 'the simulated model' },
    { folder: 'cli/view', purpose: 'objects → tables and paragraphs' },
    { folder: 'cli/cluster', purpose: 'asks clusters' },
    { folder: 'cli/local', purpose: 'agents on this computer', imports: ['runtime'] },
    { folder: 'cli/render', purpose: 'manifests → objects of the operator' },
    { folder: 'cli/support', purpose: 'the bundle for a bug report' },
    { folder: 'cli/completion', purpose: 'completion in shells' },
    { folder: 'cli/commands', purpose: 'one file for each command' },
  ],
);

export const LAYERS: readonly Layer[] = [
  { folder: 'common', purpose: 'helpers of every program, such as for files', imports: [] },
  { folder: 'contract', purpose: 'what passes between operator and runtime', imports: [] },
  { folder: 'listener', purpose: 'what every port of operator and runtime bounds', imports: [] },
  {
    folder: 'tracing',
    purpose: 'traces of operator and runtime; loads OpenTelemetry when they are on',
    imports: ['contract'],
  },
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
    imports: [...SHARED, ...every(OPERATOR), 'listener'],
  },
  ...CLI,
  {
    folder: 'cli',
    purpose: 'the process: finds the command',
    imports: [...SHARED, ...every(CLI)],
  },
];
