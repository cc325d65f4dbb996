/* Generated from the YAML in crds/ by `make generate`; do not edit. What the API server makes of an empty spec. */
import type { AgentDeploymentSpec, CircuitBreakerPolicySpec, RateLimitPolicySpec } from './types.ts';
export const AGENT_DEPLOYMENT_DEFAULTS = {
  "replicas": 1,
  "runtimeUpgrade": "Automatic",
  "security": {
    "egress": {
      "denyPrivateNetworks": true
    },
    "incidents": {},
    "promptInjection": {
      "mode": "Report",
      "threshold": 60,
      "sources": [
        {
          "source": "ToolResults"
        },
        {
          "source": "McpResults"
        },
        {
          "source": "UserInput",
          "mode": "Report"
        }
      ],
      "ruleSets": [
        "Default"
      ],
      "blockedResults": "Replace"
    },
    "secrets": {
      "mode": "Disabled",
      "sources": [
        "Prompts",
        "Answers"
      ]
    },
    "runGuard": {
      "mode": "Report",
      "repeats": 3,
      "messages": false
    }
  },
  "telemetry": {
    "logging": {
      "successRatio": "0"
    }
  },
  "conversation": {
    "maxMessages": 100,
    "maxTurns": 16,
    "maxTokens": 4096,
    "idleTimeout": "1h",
    "store": {
      "type": "Memory"
    }
  },
  "auth": {
    "type": "None"
  },
  "timeouts": {
    "connect": "10s",
    "request": "5m",
    "firstToken": "60s",
    "stream": "1h",
    "streamIdle": "120s",
    "run": "15m",
    "tool": "30s"
  },
  "retry": {
    "maxAttempts": 3,
    "baseDelay": "500ms",
    "maxDelay": "8s",
    "budgetPercent": 20,
    "minPerSecond": 1
  },
  "bulkhead": {
    "maxConcurrent": 100,
    "maxQueued": 100,
    "acquireTimeout": "5s",
    "whenFull": "Forward"
  },
  "cache": {
    "mode": "Disabled",
    "scope": "PerPrincipal",
    "hot": {
      "maxEntries": 100,
      "ttl": "5m"
    },
    "warm": {
      "maxEntries": 500,
      "ttl": "30m"
    },
    "cold": {
      "maxEntries": 2000,
      "ttl": "1h"
    }
  },
  "shutdown": {
    "drainTimeout": "5m",
    "handlerTimeout": "30s"
  },
  "service": {
    "type": "ClusterIP",
    "port": 80
  },
  "networkPolicy": {
    "enabled": true
  },
  "probes": {
    "startup": {
      "period": "1s",
      "timeout": "1s",
      "failureThreshold": 300
    },
    "liveness": {
      "period": "10s",
      "timeout": "5s",
      "failureThreshold": 3
    },
    "readiness": {
      "period": "5s",
      "timeout": "3s",
      "failureThreshold": 2
    }
  },
  "disruption": {
    "maxUnavailable": 1
  },
  "monitoring": {
    "serviceMonitor": {
      "interval": "30s"
    },
    "alerts": {}
  }
} satisfies Partial<AgentDeploymentSpec>;
export const CIRCUIT_BREAKER_POLICY_DEFAULTS = {
  "trip": {
    "consecutiveFailures": 5
  },
  "failureOn": [
    "ServerError",
    "Overloaded",
    "Timeout",
    "Connection",
    "InvalidResponse"
  ],
  "openDuration": "20s",
  "halfOpen": {
    "maxProbes": 1,
    "successThreshold": 2,
    "queueTimeout": "10s"
  },
  "recovery": {
    "rampUp": "0s"
  },
  "mode": "Enforce",
  "scope": "Pod"
} satisfies Partial<CircuitBreakerPolicySpec>;
export const RATE_LIMIT_POLICY_DEFAULTS = {
  "mode": "Enforce"
} satisfies Partial<RateLimitPolicySpec>;
