import type { PodClient } from '../kit/enforcement.ts';
import type { Sandbox, SandboxModel } from '../e2e/sandbox.ts';
import type { Fault } from '../../cli/simulator/fault.ts';

/** An agent that is broken, and what shows that its cause was found. */
export interface Breakage {
  cause: string;
  agent: string;
  /** What `why` says then. */
  named: RegExp;
  /** The object that `why` is asked about: the agent, or a policy. */
  asked: string;
  /** Has the provider do what breaks the agent. Some of it is over after seconds without calls. */
  provoke: () => Promise<void>;
}

/** Names that tell nothing. */
const AGENTS = [
  ...['amber', 'beryl', 'coral', 'dune', 'elm', 'fern', 'grove', 'heath', 'iris', 'jade'],
  ...['kelp', 'larch', 'moss', 'nettle', 'onyx'],
];

/** The parts of an agent's spec that breakages change. */
interface Spec {
  image?: string;
  systemPrompt?: string;
  audit?: object;
  redis?: object;
  podTemplate: {
    spec: { containers: Record<string, unknown>[] } & Record<string, unknown>;
  };
}

interface Kind {
  cause: string;
  named: RegExp;
  /** Objects besides the agent. */
  objects?: (sandbox: Sandbox, agent: string) => Record<string, unknown>[];
  /** Changes the agent's spec. */
  edit?: (spec: Spec) => void;
  /** Name of the Secret with the key. Default: one that exists. */
  secret?: string;
  /** Whether its pod becomes ready and linked. Default true. */
  starts?: boolean;
  /** The object that `why` is asked about. Default: the agent. */
  asked?: (agent: string) => string;
  /** What the provider does to the next calls, and how many there are; absent: no call is needed. */
  fault?: Fault;
  calls?: number;
}

const container = (spec: Spec, more: Record<string, unknown>): void => {
  spec.podTemplate.spec.containers = spec.podTemplate.spec.containers.map((each) => ({
    ...each,
    ...more,
  }));
};

const KINDS: readonly Kind[] = [
  {
    cause: 'open circuit',
    named: /The circuit of model\/north of \w+ in 1\/1 pods is open/,
    objects: (sandbox, agent) => [
      sandbox.breaker(`${agent}-policy`, agent, {
        trip: { consecutiveFailures: 2 },
        openDuration: '10m',
        maxOpenDuration: '10m',
      }),
    ],
    ...{ fault: { status: 529 }, calls: 3 },
  },
  {
    cause: 'circuit held by override',
    named: /spec\.override \(maintenance\) holds circuits open/,
    objects: (sandbox, agent) => [
      sandbox.breaker(`${agent}-policy`, agent, {
        override: { state: 'Open', reason: 'maintenance' },
      }),
    ],
  },
  {
    cause: 'refused key',
    named: /Unauthorized since .*The provider refuses the API key/,
    // One refused call can be chance: five in a row shut the gate.
    ...{ fault: { status: 401 }, calls: 5 },
  },
  {
    cause: 'spent budget',
    named: /SpendLimit since .*The provider's spend limit holds calls/,
    ...{ fault: { status: 402 }, calls: 1 },
  },
  {
    cause: 'limit used up',
    named: /answer 429 because limit turns is used up/,
    objects: (sandbox, agent) => [
      sandbox.limit(`${agent}-policy`, agent, { capacity: 1, amount: 1, per: '1h' }),
    ],
    asked: (agent) => `${agent}-policy`,
    calls: 2,
  },
  {
    cause: 'policy in conflict',
    named: /CircuitBreakerPolicy \S+ says Conflicted since/,
    objects: (sandbox, agent) => [
      sandbox.breaker(`${agent}-narrow`, agent, {
        targetRefs: [{ name: agent, sectionName: 'model/north' }],
      }),
      sandbox.breaker(`${agent}-wide`, agent),
    ],
  },
  {
    cause: 'selector without a match',
    named: /says NoTargets since .*No agent matches spec\.targetSelectors/,
    objects: (sandbox, agent) => {
      const policy = sandbox.breaker(`${agent}-policy`, agent);
      const { targetRefs: _, ...spec } = policy['spec'] as Record<string, unknown>;
      return [
        {
          ...policy,
          spec: { ...spec, targetSelectors: [{ matchLabels: { app: `not-${agent}` } }] },
        },
      ];
    },
    asked: (agent) => `${agent}-policy`,
  },
  {
    cause: 'pod without a link',
    named: /CircuitBreakerPolicy \S+ says Pending since .*has no link/,
    objects: (sandbox, agent) => [sandbox.breaker(`${agent}-policy`, agent)],
    // The control port is not where the operator dials.
    edit: (spec) => container(spec, { env: [{ name: 'BREAKWATER_CONTROL_PORT', value: '9444' }] }),
    starts: false,
  },
  {
    cause: 'no node',
    named: /says PodsBlocked since .*has no node: .*(affinity|selector)/,
    edit: ({ podTemplate }) => {
      podTemplate.spec['nodeSelector'] = { disk: 'none-has-this' };
    },
    starts: false,
  },
  {
    cause: 'missing volume',
    named: /says PodsBlocked since .*persistentvolumeclaim "ledger" not found/,
    edit: (spec) => {
      spec.audit = { file: { persistentVolumeClaim: { claimName: 'ledger' } } };
    },
    starts: false,
  },
  {
    cause: 'image not to be had',
    named: /says PodsBlocked since .*(ErrImage|ImagePullBackOff|InvalidImageName)/,
    edit: (spec) => {
      spec.image = 'localhost/breakwater/runtime:none';
    },
    starts: false,
  },
  {
    cause: 'missing Secret',
    named: /of Secret absent, the API key of model\/north, is missing/,
    ...{ secret: 'absent', starts: false },
  },
  {
    cause: 'audit not delivered',
    named: /Audit events of 1\/1 pods do not reach otlp/,
    edit: (spec) => {
      spec.audit = { otlp: { url: 'http://127.0.0.1:9/v1/logs' } };
    },
    calls: 1,
  },
  {
    cause: 'prompt without a model',
    named: /spec\.systemPrompt is for conversations, and they cannot begin/,
    edit: (spec) => {
      spec.systemPrompt = 'Be brief.';
    },
  },
];

/** Has a quota allow one pod of the two of a last agent: it would keep the others from starting. */
const QUOTA: Kind = {
  cause: 'quota',
  named: /says PodsBlocked since .*exceeded quota/,
  starts: false,
};

/** Makes the agents and breaks them, in an order of chance. */
export async function breakages(sandbox: Sandbox): Promise<Breakage[]> {
  const model = await sandbox.model('oracle', 9821);
  const kinds = KINDS.map((kind) => ({ kind, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ kind }, index) => ({ ...kind, agent: AGENTS[index]! }));
  await sandbox.apply(
    sandbox.secret('ticket', 'made-up'),
    ...kinds.flatMap((kind) => [
      agentOf(sandbox, model, kind),
      ...(kind.objects?.(sandbox, kind.agent) ?? []),
    ]),
  );
  for (const { agent, starts } of kinds)
    if (starts !== false) await sandbox.agents.waitForAgent(agent);
  const last = { ...QUOTA, agent: AGENTS[kinds.length]! };
  await sandbox.apply(
    {
      ...{ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'small' } },
      spec: { hard: { pods: '1' } },
    },
    agentOf(sandbox, model, last),
  );
  return [...kinds, last].map((kind) => ({
    ...kind,
    asked: kind.asked?.(kind.agent) ?? kind.agent,
    provoke: () => provoke(sandbox, model, kind),
  }));
}

async function provoke(
  sandbox: Sandbox,
  { control }: SandboxModel,
  { agent, fault, calls = 0 }: Kind & { agent: string },
): Promise<void> {
  if (calls === 0) return;
  await control.setFault(fault);
  const [pod] = await sandbox.ways(agent);
  for (let sent = 0; sent < calls; sent += 1) await (pod as PodClient).send();
  await control.setFault(undefined);
}

function agentOf(
  sandbox: Sandbox,
  { baseURL }: SandboxModel,
  { agent, edit, secret = 'ticket' }: Kind & { agent: string },
): Record<string, unknown> {
  const made = sandbox.agent({ name: agent, baseURL, secret, spec: { retry: { maxAttempts: 1 } } });
  edit?.(made['spec'] as Spec);
  return made;
}
