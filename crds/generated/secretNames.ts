/* Generated from the YAML in crds/ by `make generate`; do not edit. Where the spec of an agent names a Secret. */
export const SECRET_NAMES = [
  "model.endpoints[].apiKeySecretRef.name",
  "model.endpoints[].headersFrom[].secretKeyRef.name",
  "model.endpoints[].tls.clientCertSecretRef.name",
  "proxy.credentialsSecretRef.name",
  "tools[].http.headersFrom[].secretKeyRef.name",
  "program.env[].secretKeyRef.name",
  "mcpServers[].headersFrom[].secretKeyRef.name",
  "telemetry.tracing.headersFrom[].secretKeyRef.name",
  "audit.otlp.headersFrom[].secretKeyRef.name",
  "conversation.store.redis.passwordSecretRef.name",
  "redis.passwordSecretRef.name",
  "auth.apiKeys.secretRef.name",
  "monitoring.auth.tokenSecretRef.name"
] as const;
