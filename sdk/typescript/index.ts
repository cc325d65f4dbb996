export { createAgent } from './createAgent.ts';
export type { Agent, AgentOptions } from './createAgent.ts';
export { BreakwaterError, ToolError } from './errors.ts';
export type {
  AuditEvent,
  Effect,
  Environment,
  Incident,
  ModelMessage,
  ModelRequest,
  Reduce,
  Settled,
  ToolResult,
} from './effects.ts';
