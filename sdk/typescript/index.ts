import process from 'node:process';
import { Program } from './agent.ts';

/** The agent that this process is the program of. Nothing happens before its first use. */
export const agent = new Program(process.env);
export const { track, cached, cache } = agent;

export { Program } from './agent.ts';
export type { HealthOptions, RequestHandler, RunOptions } from './agent.ts';
export type { Cache, CachedOptions, PutOptions } from './cache.ts';
export { createAgent } from './createAgent.ts';
export type { Agent, AgentOptions } from './createAgent.ts';
export type { Duration } from './duration.ts';
export { BreakwaterError, ToolError } from './errors.ts';
export type {
  Effect,
  Environment,
  ModelMessage,
  ModelRequest,
  Reduce,
  Settled,
  ToolResult,
} from './effects.ts';
export type { ToolContext, ToolHandler } from './tools.ts';
export type { AuditEvent, IncidentReport } from '../../contract/generated/program.ts';
