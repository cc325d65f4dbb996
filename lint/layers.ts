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

/** All packages are allowed. */
const NOTHING: Refusal = { packages: /(?!)/, reason: '' };

const SHARED: readonly Layer[] = [
  { folder: 'common', purpose: 'helpers of every program, such as for files', imports: [] },
  { folder: 'contract', purpose: 'what passes between operator and runtime', imports: [] },
  { folder: 'listener', purpose: 'what every port of operator and runtime bounds', imports: [] },
  {
    folder: 'tracing',
    purpose: 'traces of operator and runtime; loads OpenTelemetry when they are on',
    imports: ['contract'],
  },
  {
    folder: 'operator/kube',
    purpose: 'a client of Kubernetes: informers, work queue, leader election',
    imports: [],
    refuses: NOTHING,
  },
  { folder: 'crds', purpose: 'the custom resources and their types', imports: ['operator/kube'] },
];

const RUNTIME: readonly Layer[] = [
  {
    folder: 'runtime/snapshot',
    purpose: 'what one configuration puts in force',
    imports: ['contract'],
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/json',
    purpose: 'reads JSON: by its bytes, and members of parsed values',
    imports: [],
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/errors',
    purpose: 'what can go wrong, and how it is answered',
    imports: [],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/resilience',
    purpose: 'breaker, window, bucket, bulkhead, gates, retry budget',
    imports: [],
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/security/incidents',
    purpose: 'what is seen of attacks, and what becomes of it',
    imports: ['contract', 'runtime/errors', 'runtime/resilience'],
    refuses: ALL_PACKAGES,
  },
  {
    folder: 'runtime/security/injection',
    purpose: 'what of a text looks like an injected prompt',
    imports: ['runtime/json'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/security/secrets',
    purpose: 'keys and tokens in texts',
    imports: ['runtime/json'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/security/screening',
    purpose: 'which texts are looked at, and what becomes of what is found',
    imports: [
      'contract',
      'runtime/json',
      'runtime/security/incidents',
      'runtime/security/injection',
      'runtime/security/secrets',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/guard',
    purpose: 'what protects one dependency: permits, limits, snapshots',
    imports: ['contract', 'runtime/errors', 'runtime/resilience'],
  },
  {
    folder: 'runtime/mounts',
    purpose: 'files, keys and headers from ConfigMaps and Secrets',
    imports: ['contract', 'runtime/guard'],
  },
  {
    folder: 'runtime/network',
    purpose: 'proxies, authorities, client certificates',
    imports: ['contract', 'runtime/mounts'],
  },
  {
    folder: 'runtime/model/transport',
    purpose: 'sockets, server-sent events, headers',
    imports: ['tracing', 'runtime/resilience', 'runtime/guard', 'runtime/network'],
  },
  {
    folder: 'runtime/protocols',
    purpose: 'what requests and answers mean on the wire',
    imports: [
      'runtime/json',
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
    ],
  },
  {
    folder: 'runtime/observe/trace',
    purpose: 'what one request goes through: spans and lines in the log',
    imports: [
      'tracing',
      'runtime/errors',
      'runtime/resilience',
      'runtime/security/incidents',
      'runtime/protocols',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'runtime/model/provider',
    purpose: 'how the endpoints of each provider are asked, and what their answers say of them',
    imports: [
      'contract',
      'tracing',
      'runtime/json',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/protocols',
    ],
  },
  {
    folder: 'runtime/model/identity',
    purpose: 'credentials of clouds for the agent’s own identity',
    imports: [
      'contract',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
      'runtime/model/provider',
    ],
  },
  {
    folder: 'runtime/model/attempt',
    purpose: 'one call of an endpoint, and its watch',
    imports: [
      'contract',
      'tracing',
      'runtime/json',
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/network',
      'runtime/model/transport',
      'runtime/model/provider',
      'runtime/protocols',
    ],
  },
  {
    folder: 'runtime/model/pool',
    purpose: 'endpoints, balancing, route',
    imports: [
      'runtime/snapshot',
      'contract',
      'runtime/errors',
      'runtime/resilience',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/identity',
      'runtime/model/provider',
    ],
  },
  {
    folder: 'runtime/model',
    purpose: 'a request to the model, with its retries',
    imports: [
      'contract',
      'tracing',
      'runtime/errors',
      'runtime/resilience',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/provider',
      'runtime/model/attempt',
      'runtime/model/pool',
    ],
  },
  {
    folder: 'runtime/redis',
    purpose: 'a Redis of the user: its connection, limits in it',
    imports: [
      'runtime/snapshot',
      'contract',
      'runtime/resilience',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
    ],
  },
  {
    folder: 'runtime/cache',
    purpose: 'tiers of answers',
    imports: [
      'contract',
      'runtime/errors',
      'runtime/resilience',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/provider',
      'runtime/model/attempt',
      'runtime/model',
    ],
  },
  {
    folder: 'runtime/conversations/messages',
    purpose: 'what a conversation consists of',
    imports: [],
  },
  {
    folder: 'runtime/conversations/stores',
    purpose: 'where conversations are kept',
    imports: [
      'contract',
      'runtime/json',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/redis',
      'runtime/conversations/messages',
    ],
  },
  {
    folder: 'runtime/conversations/tools',
    purpose: 'tools over HTTP and MCP',
    imports: [
      'contract',
      'tracing',
      'runtime/json',
      'runtime/errors',
      'runtime/resilience',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
      'runtime/model/transport',
      'runtime/model/attempt',
      'runtime/cache',
      'runtime/conversations/messages',
      'runtime/conversations/stores',
    ],
  },
  {
    folder: 'runtime/conversations',
    purpose: 'turns of an agent',
    imports: [
      'runtime/snapshot',
      'contract',
      'runtime/json',
      'runtime/errors',
      'runtime/resilience',
      'runtime/security/incidents',
      'runtime/security/screening',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/attempt',
      'runtime/model/pool',
      'runtime/model',
      'runtime/cache',
      'runtime/conversations/messages',
      'runtime/conversations/stores',
      'runtime/conversations/tools',
    ],
  },
  {
    folder: 'runtime/peers',
    purpose: 'the other pods of the agent: forwards requests to them',
    imports: [
      'runtime/snapshot',
      'contract',
      'tracing',
      'runtime/errors',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/model/attempt',
      'runtime/conversations/stores',
    ],
  },
  {
    folder: 'runtime/clients',
    purpose: 'who asks, and what it may do',
    imports: [
      'runtime/snapshot',
      'contract',
      'runtime/errors',
      'runtime/resilience',
      'runtime/security/incidents',
      'runtime/protocols',
      'runtime/observe/trace',
      'runtime/model/transport',
    ],
  },
  {
    folder: 'runtime/exchange',
    purpose: 'one request from socket to answer, step by step',
    imports: [
      'runtime/snapshot',
      'contract',
      'runtime/json',
      'runtime/errors',
      'runtime/resilience',
      'runtime/security/screening',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/provider',
      'runtime/model/attempt',
      'runtime/model/pool',
      'runtime/model',
      'runtime/conversations/messages',
      'runtime/conversations/stores',
      'runtime/conversations',
      'runtime/peers',
      'runtime/clients',
    ],
  },
  {
    folder: 'runtime/api',
    purpose: 'the port that clients meet',
    imports: [
      'runtime/snapshot',
      'contract',
      'listener',
      'runtime/errors',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/clients',
      'runtime/protocols',
      'runtime/exchange',
    ],
  },
  {
    folder: 'runtime/security',
    purpose: 'audit: events, their chain and where they are kept; who is watched for incidents',
    imports: [
      'common',
      'contract',
      'runtime/security/incidents',
      'runtime/protocols',
      'runtime/observe/trace',
      'runtime/guard',
    ],
  },
  {
    folder: 'runtime/control',
    purpose: 'configuration in, reports out',
    imports: [
      'runtime/snapshot',
      'common',
      'contract',
      'listener',
      'runtime/json',
      'runtime/security/incidents',
      'runtime/guard',
    ],
  },
  {
    folder: 'runtime/observe',
    purpose: 'metrics, health, logs, traces, debug pages',
    imports: [
      'contract',
      'listener',
      'tracing',
      'runtime/resilience',
      'runtime/observe/trace',
      'runtime/guard',
    ],
  },
  {
    folder: 'runtime',
    purpose: 'the process: joins its parts',
    imports: [
      'common',
      'runtime/snapshot',
      'contract',
      'tracing',
      'runtime/errors',
      'runtime/resilience',
      'runtime/security/incidents',
      'runtime/security/screening',
      'runtime/observe/trace',
      'runtime/guard',
      'runtime/mounts',
      'runtime/network',
      'runtime/model/transport',
      'runtime/protocols',
      'runtime/model/identity',
      'runtime/model/pool',
      'runtime/model',
      'runtime/redis',
      'runtime/cache',
      'runtime/conversations',
      'runtime/peers',
      'runtime/clients',
      'runtime/exchange',
      'runtime/api',
      'runtime/security',
      'runtime/control',
      'runtime/observe',
    ],
  },
];

const OPERATOR: readonly Layer[] = [
  {
    folder: 'operator/resources',
    purpose: 'the kinds that the operator reads and writes, and its permissions',
    imports: ['operator/kube', 'crds'],
  },
  {
    folder: 'operator/desired/common',
    purpose: 'durations, names, problems',
    imports: ['contract', 'crds'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/tenancy',
    purpose: 'what the platform lets the authors of agents ask for',
    imports: ['crds', 'operator/desired/common'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/policies',
    purpose: 'which policies apply to which dependency',
    imports: ['contract', 'crds', 'operator/desired/common'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/configuration',
    purpose: 'what the pods of an agent enforce',
    imports: ['contract', 'crds', 'operator/desired/common', 'operator/desired/policies'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired/objects',
    purpose: 'the Kubernetes objects of an agent',
    imports: ['contract', 'crds', 'operator/desired/common', 'operator/desired/configuration'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/desired',
    purpose: 'the plan of an agent',
    imports: [
      'contract',
      'crds',
      'operator/desired/common',
      'operator/desired/tenancy',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired/objects',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/links',
    purpose: 'one connection to each pod',
    imports: ['contract', 'operator/kube'],
  },
  {
    folder: 'operator/fleet',
    purpose: 'what the leader decides for all pods of an agent',
    imports: ['contract'],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/status',
    purpose: 'what is observed → status and Events',
    imports: [
      'contract',
      'crds',
      'operator/desired/common',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired/objects',
      'operator/desired',
      'operator/fleet',
    ],
    refuses: INPUT_AND_OUTPUT,
  },
  {
    folder: 'operator/reconcile',
    purpose: 'get, gather, plan, apply, status',
    imports: [
      'contract',
      'operator/kube',
      'crds',
      'operator/resources',
      'operator/desired/common',
      'operator/desired/tenancy',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired/objects',
      'operator/desired',
      'operator/links',
      'operator/fleet',
      'operator/status',
    ],
  },
  {
    folder: 'operator',
    purpose: 'the process: joins its parts',
    imports: [
      'common',
      'contract',
      'listener',
      'tracing',
      'operator/kube',
      'operator/resources',
      'operator/desired/common',
      'operator/desired/tenancy',
      'operator/desired/configuration',
      'operator/desired/objects',
      'operator/desired',
      'operator/links',
      'operator/fleet',
      'operator/status',
      'operator/reconcile',
    ],
  },
];

const CLI: readonly Layer[] = [
  {
    folder: 'cli/terminal',
    purpose: 'what a command is; tables that stay on a terminal',
    imports: [],
  },
  {
    folder: 'cli/manifests',
    purpose: 'files, checked as the API server checks them',
    imports: ['crds'],
  },
  { folder: 'cli/simulator', purpose: 'the simulated model', imports: [] },
  {
    folder: 'cli/view',
    purpose: 'objects → tables and paragraphs',
    imports: ['contract', 'operator/kube', 'crds', 'operator/status'],
  },
  {
    folder: 'cli/cluster',
    purpose: 'asks clusters',
    imports: ['operator/kube', 'crds', 'operator/desired/common', 'cli/terminal', 'cli/view'],
  },
  {
    folder: 'cli/local',
    purpose: 'agents on this computer',
    imports: [
      'common',
      'contract',
      'crds',
      'runtime',
      'operator/desired/policies',
      'operator/desired/configuration',
      'operator/desired',
      'cli/terminal',
      'cli/manifests',
    ],
  },
  {
    folder: 'cli/render',
    purpose: 'manifests → objects of the operator',
    imports: ['operator/desired/objects', 'operator/desired', 'cli/manifests', 'cli/local'],
  },
  {
    folder: 'cli/support',
    purpose: 'the bundle for a bug report',
    imports: ['operator/kube', 'crds'],
  },
  {
    folder: 'cli/completion',
    purpose: 'completion in shells',
    imports: ['cli/terminal', 'cli/view', 'cli/cluster'],
  },
  {
    folder: 'cli/console',
    purpose: 'the page in a browser, and what serves it',
    imports: ['crds', 'operator/kube', 'cli/view'],
  },
  {
    folder: 'cli/commands',
    purpose: 'one file for each command',
    imports: [
      'contract',
      'crds',
      'operator/desired/common',
      'cli/terminal',
      'cli/manifests',
      'cli/view',
      'cli/cluster',
      'cli/local',
      'cli/render',
      'cli/support',
      'cli/completion',
      'cli/console',
    ],
  },
  {
    folder: 'cli',
    purpose: 'the process: finds the command',
    imports: ['cli/terminal', 'cli/completion', 'cli/commands'],
  },
];

const SDK: readonly Layer[] = [
  {
    folder: 'sdk/typescript',
    purpose: 'what programs in TypeScript import; its test environment has the runtime’s breaker',
    imports: ['contract', 'runtime/resilience', 'runtime/guard'],
  },
];

export const LAYERS: readonly Layer[] = [...SHARED, ...RUNTIME, ...OPERATOR, ...CLI, ...SDK];
