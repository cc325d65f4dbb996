/** What Claude Code 2.1.330 sent for `claude -p 'Say hello'`, without its long texts and all tools but one. */
const cached = { cache_control: { type: 'ephemeral' } };
const text = (said: string): { type: 'text'; text: string } => ({ type: 'text', text: said });

export const CLAUDE_CODE = {
  headers: {
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'claude-cli/2.1.330 (external, sdk-cli)',
    'x-claude-code-session-id': '2ff7fe64-f009-4a39-84d3-998dc1e958fe',
    'x-stainless-lang': 'js',
    'x-stainless-retry-count': '0',
    'x-stainless-timeout': '600',
    'anthropic-beta':
      'claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,mid-conversation-tool-changes-2026-07-01,effort-2025-11-24',
    'anthropic-dangerous-direct-browser-access': 'true',
    'anthropic-version': '2023-06-01',
    'x-api-key': 'key',
    'x-app': 'cli',
    'accept-encoding': 'gzip, deflate, br, zstd',
  },
  body: JSON.stringify({
    model: 'claude-opus-5-5',
    messages: [
      { role: 'user', content: [text('<system-reminder>\n…'), text('Say hello')] },
      {
        role: 'system',
        content: [{ ...text('# Environment\n…'), ...cached }],
        output_config: { effort: 'medium' },
      },
    ],
    system: [
      text('x-anthropic-billing-header: cc_version=2.1.330.572; cc_entrypoint=sdk-cli;'),
      { ...text("You are a Claude agent, built on Anthropic's Claude Agent SDK."), ...cached },
    ],
    tools: [
      {
        name: 'Agent',
        description: 'Launch a new agent to handle complex, multi-step tasks.',
        input_schema: {
          $schema: 'https://json-schema.org/draft/2020-12/schema',
          type: 'object',
          properties: { prompt: { type: 'string' } },
          required: ['prompt'],
          additionalProperties: false,
        },
      },
    ],
    metadata: { user_id: '{"device_id":"device","account_uuid":"","session_id":"session"}' },
    max_tokens: 128_000,
    thinking: { type: 'adaptive', display: 'omitted' },
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    output_config: { effort: 'medium' },
    stream: true,
  }),
};
