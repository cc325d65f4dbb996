import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { Agents } from '../../kit/agents.ts';
import type { Api } from '../../kit/api.ts';
import type { PodClient } from '../../kit/enforcement.ts';
import type { Kubectl } from '../../kit/kubectl.ts';
import { plugin } from '../../kit/plugin.ts';
import type { RemoteModel, RemoteTools, RemoteTraffic } from '../../kit/simulator.ts';
import { mustShow, type Narrator } from '../narrator.ts';

/** The agent of config/samples/guarded, and the keys of its clients. */
export const AGENT = 'clerk';
export const KEYS = { alice: 'made-up-key-of-alice', bob: 'made-up-key-of-bob' } as const;

/** The cluster and the objects of the attacks. The agent has one pod. */
export interface SecurityScene {
  narrator: Narrator;
  kubectl: Kubectl;
  api: Api;
  agents: Agents;
  namespace: string;
  model: RemoteModel;
  /** The service with the agent's tool and its MCP server. */
  tools: RemoteTools;
  /** An attacker in the cluster without a key. */
  stranger: RemoteTraffic;
  pod: PodClient;
}

export type Security = NonNullable<NonNullable<AgentDeployment['status']>['security']>;

/** A streamed event of a turn. */
export interface TurnEvent {
  type: string;
  name?: string;
  text?: string;
  content?: string;
  is_error?: boolean;
  stop_reason?: string;
}

/** Sends a message in a new conversation, and returns the events of the turn. */
export async function ask(
  { pod }: Pick<SecurityScene, 'pod'>,
  client: keyof typeof KEYS,
  content: string,
): Promise<TurnEvent[]> {
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${pod.url}/v1/conversations${path}`, {
      method: 'POST',
      headers: { 'x-api-key': KEYS[client], 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const begun = await post('', {});
  mustShow(begun.status === 201, `${client} must get a conversation; seen: ${begun.status}`);
  const { id } = (await begun.json()) as { id: string };
  const answer = await post(`/${id}/messages`, { content, stream: true });
  mustShow(answer.status === 200, `${client} must get an answer; seen: ${answer.status}`);
  const lines = (await answer.text()).matchAll(/^data: (.*)$/gm);
  return [...lines].map(([, data]) => JSON.parse(data!) as TurnEvent);
}

/** Text that a tool returned to the model in a turn. */
export function resultOf(events: readonly TurnEvent[]): string {
  return events.find(({ type }) => type === 'tool_result')?.content ?? '';
}

/** Text of the model in a turn. */
export function textOf(events: readonly TurnEvent[]): string {
  return events.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('');
}

/** Runs a command of kubectl breakwater in the namespace, and prints it. */
export async function showPlugin(
  { narrator, kubectl, namespace }: Pick<SecurityScene, 'narrator' | 'kubectl' | 'namespace'>,
  line: string,
  args: readonly string[] = line.split(' '),
): Promise<Awaited<ReturnType<typeof plugin>>> {
  const said = await plugin(kubectl.environment, [...args, '-n', namespace]);
  narrator.show(`kubectl breakwater ${line} -n ${namespace}`, said.text);
  return said;
}
