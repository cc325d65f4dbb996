import type { ToolResult } from '../../contract/generated/program.ts';
import type { Agent } from '../conversations/agent.ts';
import type { Failure } from '../errors/failure.ts';
import { STARTING } from '../errors/problems.ts';
import { requestIdOf } from '../exchange/response.ts';
import type { RequestTraces } from '../observe/requestTraces.ts';
import type { Current } from '../snapshot/snapshot.ts';
import { checked } from './checks.ts';
import type { LocalAnswer, LocalCall, LocalRoutes } from './localServer.ts';
import { ENDED, clientOf, cutWith, linkOf, tracedAs } from './modelCalls.ts';
import type { OpenRequests } from './openRequests.ts';

export interface ToolRouteDeps {
  agent: Pick<Agent, 'callTool'>;
  current: Pick<Current, 'snapshot'>;
  traces: RequestTraces;
  open: Pick<OpenRequests, 'find'>;
}

const ROUTE = '/v1/tools';

const NO_TOOL: Failure = { reason: 'NotFound', message: 'The agent has no tool of this name.' };

/** Calls of the agent's tools by the program. */
export function toolRoutes(deps: ToolRouteDeps): LocalRoutes {
  return { [`POST ${ROUTE}/*`]: { answer: (call, bytes) => callTool(deps, call, bytes) } };
}

async function callTool(
  { agent, current, traces, open }: ToolRouteDeps,
  { request, response, name }: LocalCall,
  bytes: Buffer,
): Promise<LocalAnswer> {
  const given = checked('ToolCall', bytes);
  if ('failure' in given) return given;
  const linked = linkOf(request, open);
  const { snapshot } = current;
  if (linked === 'Ended') return { failure: ENDED };
  if (!snapshot) return { failure: STARTING };
  const cut = new AbortController();
  using _ = cutWith(cut, linked);
  response.on('close', () => cut.abort());
  const id = requestIdOf(response);
  const trace = traces.begin(tracedAs(request, linked), () => id, ROUTE);
  const client = clientOf(request, linked);
  trace.listener.identified(client);
  const user = {
    snapshot,
    trace,
    principal: client.principal,
    client,
    clientHeaders: client.headers,
  };
  const call = { id, name, input: given.body.input };
  const ended = await agent.callTool(user, call, cut.signal);
  const reason = ended ? 'None' : NO_TOOL.reason;
  trace.end({ reason, failed: false, status: ended ? 200 : 404 });
  if (!ended) return { failure: NO_TOOL };
  const { result, status } = ended;
  const answer: ToolResult = { content: result.content ?? '', status };
  return { json: answer };
}
