import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { OK } from '../../resilience/outcome.ts';
import type { ToolAnswer } from './httpTool.ts';
import { shownContent } from './mcpContent.ts';

/** What a result of an MCP tool says, cut off at `max` bytes. A result that is an error is one of the call. */
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

/** What the model is told of a result that does not fit the tool's own schema. */
export function unfitResult(why: string): ToolAnswer {
  const text = `The result of the tool does not fit its output schema: ${why}.`;
  return { outcome: OK, text, isError: true };
}
