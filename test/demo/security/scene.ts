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

/** What the attacks are played on. The agent has one pod. */
export interface SecurityScene {
  narrator: Narrator;
  kubectl: Kubectl;
  api: Api;
  agents: Agents;
  namespace: string;
  model: RemoteModel;
  /** The service behind the agent's tool and its MCP server. */
  tools: RemoteTools;
  /** Somebody in the cluster without a key. */
  stranger: RemoteTraffic;
  pod: PodClient;
}

export type Security = NonNullable<NonNullable<AgentDeployment['status']>['security']>;

/** An event of a turn, as it is streamed. */
export interface TurnEvent {
  type: string;
  name?: string;
  text?: string;
  content?: string;
  is_error?: boolean;
  stop_reason?: string;
}

/** What a client asks in a conversation of its own, and what comes back. */
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

/** What the model was told by a tool in a turn. */
export function resultOf(events: readonly TurnEvent[]): string {
  return events.find(({ type }) => type === 'tool_result')?.content ?? '';
}

/** What the model said in a turn. */
export function textOf(events: readonly TurnEvent[]): string {
  return events.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('');
}

/** Runs a command of kubectl breakwater in the namespace, and shows it. */
export async function showPlugin(
  { narrator, kubectl, namespace }: Pick<SecurityScene, 'narrator' | 'kubectl' | 'namespace'>,
  line: string,
  args: readonly string[] = line.split(' '),
): Promise<Awaited<ReturnType<typeof plugin>>> {
  const said = await plugin(kubectl.environment, [...args, '-n', namespace]);
  narrator.show(`kubectl breakwater ${line} -n ${namespace}`, said.text);
  return said;
}
