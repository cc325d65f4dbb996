export { createAgent } from './createAgent.ts';
export type { Agent, AgentOptions } from './createAgent.ts';
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
export type { AuditEvent, IncidentReport } from '../../contract/generated/program.ts';
