import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { OK } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { shownContent } from './mcpContent.ts';

/** The result of an MCP tool, truncated to `max` bytes. A result that is an error is the call's fault. */
export function mcpAnswer(
  { content = [], isError }: Partial<CallToolResult>,
  max: number,
): ToolAnswer {
  const shown = shownContent(content, max);
  const text = typeof shown === 'string' ? shown : '';
  return {
    outcome: OK,
    text,
    ...(typeof shown !== 'string' && { blocks: shown }),
    isError: isError === true,
  };
}

/** The answer for the model when a result does not fit the tool's output schema. */
export function unfitResult(why: string): ToolAnswer {
  const text = `The result of the tool does not fit its output schema: ${why}.`;
  return { outcome: OK, text, isError: true };
}
