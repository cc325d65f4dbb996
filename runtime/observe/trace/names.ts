/**
 * Names of spans, events, attributes and metrics. Those of GenAI follow open-telemetry/semantic-conventions-genai. That
 * convention is in development and still renames things, so no other file of the runtime spells such a name.
 */
export const SPANS = {
  chat: (model: string) => (model === '' ? 'chat' : `chat ${model}`),
  attempt: 'attempt',
  agent: (name: string) => `invoke_agent ${name}`,
  tool: (name: string) => `execute_tool ${name}`,
  mcp: (method: string, tool: string) => `${method} ${tool}`,
  command: (operation: string, script: string) =>
    script === '' ? operation : `${operation} ${script}`,
} as const;

export const EVENTS = {
  waited: 'breakwater.waited',
  rejected: 'breakwater.rejected',
  retry: 'breakwater.retry',
  fallback: 'breakwater.fallback',
  forwarded: 'breakwater.forwarded',
  cache: 'breakwater.cache',
} as const;

export const ATTRIBUTES = {
  operation: 'gen_ai.operation.name',
  provider: 'gen_ai.provider.name',
  conversation: 'gen_ai.conversation.id',
  agent: 'gen_ai.agent.name',
  toolName: 'gen_ai.tool.name',
  toolCall: 'gen_ai.tool.call.id',
  requestModel: 'gen_ai.request.model',
  requestStream: 'gen_ai.request.stream',
  requestMaxTokens: 'gen_ai.request.max_tokens',
  responseModel: 'gen_ai.response.model',
  responseId: 'gen_ai.response.id',
  finishReasons: 'gen_ai.response.finish_reasons',
  timeToFirstChunk: 'gen_ai.response.time_to_first_chunk',
  inputTokens: 'gen_ai.usage.input_tokens',
  outputTokens: 'gen_ai.usage.output_tokens',
  cacheReadTokens: 'gen_ai.usage.cache_read.input_tokens',
  cacheWriteTokens: 'gen_ai.usage.cache_write.input_tokens',
  inputMessages: 'gen_ai.input.messages',
  outputMessages: 'gen_ai.output.messages',
  systemInstructions: 'gen_ai.system_instructions',
  mcpMethod: 'mcp.method.name',
  database: 'db.system.name',
  command: 'db.operation.name',
  script: 'db.stored_procedure.name',
  error: 'error.type',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  session: 'session.id',
  user: 'user.id',
  method: 'http.request.method',
  route: 'http.route',
  status: 'http.response.status_code',
  resend: 'http.request.resend_count',
  // Names of our own.
  requestId: 'breakwater.request.id',
  upstreamRequestId: 'breakwater.upstream.request_id',
  reason: 'breakwater.reason',
  dependency: 'breakwater.dependency',
  target: 'breakwater.target',
  policy: 'breakwater.policy',
  limit: 'breakwater.limit',
  waitMs: 'breakwater.wait_ms',
  sibling: 'breakwater.sibling',
  forwardResult: 'breakwater.forwarded.result',
  retryAfterMs: 'breakwater.retry_after_ms',
  from: 'breakwater.fallback.from',
  to: 'breakwater.fallback.to',
  attempts: 'breakwater.attempts',
  cacheTier: 'breakwater.cache.tier',
  cacheResult: 'breakwater.cache.result',
} as const;

/** Names of providers as the convention has them, by those of the AgentDeployment. */
export const PROVIDERS: Readonly<Record<string, string>> = {
  Anthropic: 'anthropic',
  OpenAI: 'openai',
  ClaudePlatformAWS: 'anthropic',
  Bedrock: 'aws.bedrock',
  BedrockMantle: 'aws.bedrock',
  Foundry: 'anthropic',
  Vertex: 'gcp.vertex_ai',
};

/** Metrics in the form of Prometheus: '_' in place of '.', the unit and _total at the end. */
export const METRICS = {
  duration: 'gen_ai_client_inference_duration_seconds',
  timeToFirstChunk: 'gen_ai_client_inference_time_to_first_chunk_seconds',
  inputTokensOfCall: 'gen_ai_client_inference_operation_input_tokens',
  outputTokensOfCall: 'gen_ai_client_inference_operation_output_tokens',
  inputTokens: 'gen_ai_client_inference_usage_input_tokens_total',
  outputTokens: 'gen_ai_client_inference_usage_output_tokens_total',
  cacheReadTokens: 'gen_ai_client_inference_usage_cache_read_input_tokens_total',
  cacheWriteTokens: 'gen_ai_client_inference_usage_cache_write_input_tokens_total',
} as const;

/** Labels of these metrics. */
export const LABELS = { model: 'gen_ai_request_model', error: 'error_type' } as const;

/** Name of an unclassified error in the conventions. */
export const OTHER_ERROR = '_OTHER';
