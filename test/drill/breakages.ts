import type { PodClient } from '../kit/enforcement.ts';
import type { Sandbox, SandboxModel } from '../e2e/sandbox.ts';
import type { Fault } from '../../cli/simulator/fault.ts';

/** An agent that is broken, and what shows that its cause was found. */
export interface Breakage {
  cause: string;
  agent: string;
  /** What `why` says then. */
  named: RegExp;
}

/** Names that tell nothing. */
const AGENTS = ['amber', 'beryl', 'coral', 'dune', 'elm'] as const;

interface Kind {
  cause: string;
  named: RegExp;
  /** Objects besides the agent. */
  objects: (sandbox: Sandbox, agent: string) => Record<string, unknown>[];
  /** What the provider does to the next calls, and how many there are; absent: no call is needed. */
  fault?: Fault;
  calls?: number;
  /** Whether the operator cannot reach its pod. */
  unlinked?: boolean;
}

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
    cause: 'refused key',
    named: /Unauthorized since .*The provider refuses the API key/,
    objects: () => [],
    ...{ fault: { status: 401 }, calls: 1 },
  },
  {
    cause: 'spent budget',
    named: /SpendLimit since .*The provider's spend limit holds calls/,
    objects: () => [],
    ...{ fault: { status: 402 }, calls: 1 },
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
    cause: 'pod without a link',
    named: /CircuitBreakerPolicy \S+ says Pending since .*has no link/,
    objects: (sandbox, agent) => [sandbox.breaker(`${agent}-policy`, agent)],
    unlinked: true,
  },
];

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
      ...kind.objects(sandbox, kind.agent),
    ]),
  );
  for (const { agent, unlinked } of kinds) if (!unlinked) await sandbox.agents.waitForAgent(agent);
  for (const { agent, fault, calls = 0 } of kinds) {
    await model.control.setFault(fault);
    const [pod] = calls > 0 ? await sandbox.ways(agent) : [];
    for (let sent = 0; sent < calls; sent += 1) await (pod as PodClient).send();
  }
  await model.control.setFault(undefined);
  return kinds;
}

function agentOf(
  sandbox: Sandbox,
  { baseURL }: SandboxModel,
  { agent, unlinked }: { agent: string; unlinked?: boolean },
): Record<string, unknown> {
  const spec = { retry: { maxAttempts: 1 } };
  const made = sandbox.agent({ name: agent, baseURL, secret: 'ticket', spec });
  if (unlinked !== true) return made;
  const { podTemplate } = made['spec'] as {
    podTemplate: { spec: { containers: Record<string, unknown>[] } };
  };
  // The control port is not where the operator dials.
  const env = [{ name: 'BREAKWATER_CONTROL_PORT', value: '9444' }];
  podTemplate.spec.containers = podTemplate.spec.containers.map((container) => ({
    ...container,
    env,
  }));
  return made;
}
