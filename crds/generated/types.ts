/* Generated from the YAML in crds/ by `make generate`; do not edit. */
import type {ObjectMeta} from '../meta.ts';

export interface Crds {}
/**
 * AgentDeployment runs an LLM agent: a Deployment of the agent runtime, a Service in front of it, and the model endpoints that it calls, each behind a circuit breaker of its own.
 *
 * This interface was referenced by `Crds`'s JSON-Schema
 * via the `definition` "AgentDeployment".
 */
export interface AgentDeployment {
  apiVersion: 'breakwater.dev/v1alpha1';
  kind: 'AgentDeployment';
  metadata: ObjectMeta;
  spec: AgentDeploymentSpec;
  status?: AgentDeploymentStatus;
}
/**
 * What to run. Only image, imagePullPolicy, shutdown, podTemplate and the name of a Secret restart pods when changed; all else is live in milliseconds.
 */
export interface AgentDeploymentSpec {
  /**
   * Number of pods, 0 to 1000. Default 1.
   */
  replicas: number;
  /**
   * Image of the agent runtime. Default is the one that the operator was released with.
   */
  image?: string;
  /**
   * When the kubelet pulls the image. Default as for any pod, IfNotPresent unless the tag is latest.
   */
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /**
   * The model that the agent talks to.
   */
  model: {
    /**
     * Endpoints that serve the model. Each is a dependency named model/NAME with a circuit of its own.
     *
     * @minItems 1
     * @maxItems 1
     */
    endpoints: {
      /**
       * Name of the endpoint. Policies refer to it as sectionName model/NAME.
       */
      name: string;
      /**
       * Protocol that the endpoint speaks. Default Anthropic, the Messages API.
       */
      provider: 'Anthropic';
      /**
       * Model to ask for, whatever model a request names. When absent, the request's own model is passed on.
       */
      model?: string;
      /**
       * Address before /v1/messages, http or https, without credentials or query. Default is the provider's, https://api.anthropic.com.
       */
      baseURL?: string;
      /**
       * Where the API key is. When absent, each caller's own credentials are passed on.
       */
      apiKeySecretRef?: {
        /**
         * Name of a Secret in the same namespace.
         */
        name: string;
        /**
         * Key in that Secret. Default api-key.
         */
        key: string;
      };
    }[];
  };
  /**
   * How long one request to the model may take. A duration is a row of numbers with units h, m, s or ms, such as 1m30s.
   */
  timeouts: {
    /**
     * Time to open a connection to the endpoint, TLS included. Default 10s.
     */
    connect: string;
    /**
     * Time for a whole request to the endpoint, its answer's stream included. Default 5m.
     */
    request: string;
  };
  /**
   * How a pod ends.
   */
  shutdown: {
    /**
     * Time that a stopping pod gives its open requests and streams to finish. It takes no new ones meanwhile. Default 5m.
     */
    drainTimeout: string;
  };
  /**
   * Parts of a pod template (metadata.labels, metadata.annotations, spec) merged over the generated one, as kubectl's strategic merge does it: lists of named things by their name, such as containers by name. The runtime's container is agent.
   */
  podTemplate?: {
    [k: string]: unknown;
  };
}
/**
 * What is. Written by the operator alone.
 */
export interface AgentDeploymentStatus {
  /**
   * Generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * The resolved configuration that pods are to run.
   */
  configuration?: {
    /**
     * Revision as TERM-COUNTER; it grows with each change.
     */
    revision?: string;
    /**
     * Hash of the content; two revisions with one hash are the same configuration.
     */
    hash?: string;
  };
  /**
   * Pods that exist.
   */
  replicas?: number;
  /**
   * Pods that are ready.
   */
  readyReplicas?: number;
  /**
   * Label selector of the pods, for the scale subresource.
   */
  selector?: string;
  /**
   * Image that new pods run.
   */
  image?: string;
  /**
   * Address of the agent inside the cluster.
   */
  endpoint?: string;
  /**
   * Figures for kubectl's columns.
   */
  summary?: {
    /**
     * Ready pods out of desired pods, such as 2/3.
     */
    ready?: string;
    /**
     * Closed circuits out of all circuits in all connected pods, such as 7/8.
     */
    circuits?: string;
    /**
     * Policies that every pod enforces out of all policies attached, such as 2/2.
     */
    policies?: string;
  };
  /**
   * What the agent depends on, with the worst state of its circuit in any pod.
   *
   * @maxItems 64
   */
  dependencies?: {
    /**
     * Name of the dependency, such as model/primary.
     */
    name: string;
    /**
     * Worst state of its circuit in any connected pod; Unknown when no pod reports.
     */
    circuit: 'Closed' | 'HalfOpen' | 'Open' | 'Unknown';
    /**
     * Policies in force on this dependency.
     *
     * @maxItems 32
     */
    policies?: {
      /**
       * CircuitBreakerPolicy or RateLimitPolicy.
       */
      kind: string;
      /**
       * Name of the policy.
       */
      name?: string;
      /**
       * Default when no policy applies and the built-in figures are in force.
       */
      source?: 'Default';
    }[];
  }[];
  /**
   * Conditions as in every Kubernetes API.
   *
   * @maxItems 16
   */
  conditions?: {
    /**
     * Name of the condition.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: 'True' | 'False' | 'Unknown';
    /**
     * Why, in one word.
     */
    reason: string;
    /**
     * Why, in a sentence.
     */
    message: string;
    /**
     * When status last changed.
     */
    lastTransitionTime: string;
    /**
     * Generation of the spec that the condition speaks of.
     */
    observedGeneration?: number;
  }[];
}
/**
 * CircuitBreakerPolicy says when the circuit between an agent and something that it depends on opens, so that calls fail at once instead of waiting for what does not answer, and how it closes again.
 *
 * This interface was referenced by `Crds`'s JSON-Schema
 * via the `definition` "CircuitBreakerPolicy".
 */
export interface CircuitBreakerPolicy {
  apiVersion: 'breakwater.dev/v1alpha1';
  kind: 'CircuitBreakerPolicy';
  metadata: ObjectMeta;
  spec: CircuitBreakerPolicySpec;
  status?: CircuitBreakerPolicyStatus;
}
/**
 * Which agents, and when their circuits open and close. A change is live in every pod within milliseconds and loses no state.
 */
export interface CircuitBreakerPolicySpec {
  /**
   * Agents in the same namespace that the policy is for, by name. Set exactly one of targetRefs and targetSelectors.
   *
   * @minItems 1
   * @maxItems 16
   */
  targetRefs?: {
    /**
     * API group of the target. Default breakwater.dev.
     */
    group: 'breakwater.dev';
    /**
     * Kind of the target. Default AgentDeployment.
     */
    kind: 'AgentDeployment';
    /**
     * Name of the target.
     */
    name: string;
    /**
     * Dependency of the agent, such as model/primary. When absent, each dependency of the agent has a circuit of its own under this policy.
     */
    sectionName?: string;
  }[];
  /**
   * Agents in the same namespace that the policy is for, by label. An agent that gets the label later is covered at once.
   *
   * @minItems 1
   * @maxItems 16
   */
  targetSelectors?: {
    /**
     * API group of the targets. Default breakwater.dev.
     */
    group: 'breakwater.dev';
    /**
     * Kind of the targets. Default AgentDeployment.
     */
    kind: 'AgentDeployment';
    /**
     * Labels that a target must carry, all of them.
     */
    matchLabels: {
      [k: string]: string;
    };
  }[];
  /**
   * What opens a closed circuit. A rule that is absent is off; at least one is needed.
   */
  trip: {
    /**
     * Opens after this many failures in a row. Default 5 when trip is absent.
     */
    consecutiveFailures?: number;
  };
  /**
   * How long an open circuit rejects calls before it lets a probe through. It doubles with each probe that fails. Default 60s.
   */
  openDuration: string;
  /**
   * Longest that openDuration grows to. Default 10m.
   */
  maxOpenDuration: string;
  /**
   * How a circuit closes again. One probe that fails reopens it.
   */
  halfOpen: {
    /**
     * Calls let through at a time while half-open. Default 1.
     */
    maxProbes: number;
    /**
     * Probes that must succeed in a row to close the circuit. Default 2.
     */
    successThreshold: number;
  };
  /**
   * Where state is kept, to be chosen on purpose, so there is no default. Pod means that each pod has circuits of its own.
   */
  scope: 'Pod';
}
/**
 * What is. Written by the operator alone.
 */
export interface CircuitBreakerPolicyStatus {
  /**
   * Generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * Worst state of the policy's circuits in any pod; Unknown when no pod reports.
   */
  state?: 'Closed' | 'HalfOpen' | 'Open' | 'Unknown';
  /**
   * When state last changed.
   */
  lastTransitionTime?: string;
  /**
   * Pods of all targets, by the worst state of the policy's circuits in each.
   */
  pods?: {
    /**
     * Pods that should report.
     */
    total?: number;
    /**
     * Pods with all circuits closed.
     */
    closed?: number;
    /**
     * Pods whose worst circuit is half-open.
     */
    halfOpen?: number;
    /**
     * Pods with an open circuit.
     */
    open?: number;
    /**
     * Pods that do not report.
     */
    unknown?: number;
    /**
     * Pods that enforce this generation.
     */
    programmed?: number;
  };
  /**
   * Circuits of the policy, one for each agent and dependency, with the worst state in any pod.
   *
   * @maxItems 64
   */
  circuits?: {
    /**
     * Name of the AgentDeployment.
     */
    agent: string;
    /**
     * Name of the dependency, such as model/primary.
     */
    dependency: string;
    /**
     * Worst state in any pod.
     */
    state: 'Closed' | 'HalfOpen' | 'Open' | 'Unknown';
    /**
     * Pods in that state out of all pods, such as 2/3.
     */
    pods?: string;
    /**
     * When the first pod entered that state.
     */
    since?: string;
    /**
     * When the next probe is let through, RFC 3339; only while open.
     */
    nextProbe?: string;
    /**
     * Last failure that counted, in any pod.
     */
    lastFailure?: {
      /**
       * Class of the failure, such as Overloaded.
       */
      class?: string;
      /**
       * What happened, without anything that was sent or received.
       */
      message?: string;
      /**
       * When.
       */
      time?: string;
    };
  }[];
  /**
   * Last changes of state in any pod, newest first.
   *
   * @maxItems 20
   */
  transitions?: {
    /**
     * When.
     */
    time: string;
    /**
     * Name of the AgentDeployment.
     */
    agent: string;
    /**
     * Name of the dependency.
     */
    dependency: string;
    /**
     * Name of the pod.
     */
    pod: string;
    /**
     * State before.
     */
    from: 'Closed' | 'HalfOpen' | 'Open';
    /**
     * State after.
     */
    to: 'Closed' | 'HalfOpen' | 'Open';
    /**
     * Why.
     */
    reason: string;
  }[];
  /**
   * Figures for kubectl's columns.
   */
  summary?: {
    /**
     * Pods with an open circuit out of all pods, such as 1/3.
     */
    open?: string;
    /**
     * What the policy is for, in short.
     */
    target?: string;
    /**
     * Pods that enforce this generation out of all pods, such as 3/3.
     */
    programmed?: string;
    /**
     * Why the state is what it is.
     */
    reason?: string;
    /**
     * Earliest next probe of an open circuit, RFC 3339.
     */
    nextProbe?: string;
    /**
     * Last failure that counted, in short.
     */
    lastError?: string;
  };
  /**
   * Conditions as in every Kubernetes API.
   *
   * @maxItems 16
   */
  conditions?: {
    /**
     * Name of the condition.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: 'True' | 'False' | 'Unknown';
    /**
     * Why, in one word.
     */
    reason: string;
    /**
     * Why, in a sentence.
     */
    message: string;
    /**
     * When status last changed.
     */
    lastTransitionTime: string;
    /**
     * Generation of the spec that the condition speaks of.
     */
    observedGeneration?: number;
  }[];
}
/**
 * RateLimitPolicy bounds how many requests an agent takes, or how many calls it makes to one of its dependencies. What exceeds a limit is answered with 429 and retry-after.
 *
 * This interface was referenced by `Crds`'s JSON-Schema
 * via the `definition` "RateLimitPolicy".
 */
export interface RateLimitPolicy {
  apiVersion: 'breakwater.dev/v1alpha1';
  kind: 'RateLimitPolicy';
  metadata: ObjectMeta;
  spec: RateLimitPolicySpec;
  status?: RateLimitPolicyStatus;
}
/**
 * Which agents, and how much. A change is live in every pod within milliseconds; a bucket keeps its level, cut to the new capacity.
 */
export interface RateLimitPolicySpec {
  /**
   * Agents in the same namespace that the policy is for, by name. Set exactly one of targetRefs and targetSelectors.
   *
   * @minItems 1
   * @maxItems 16
   */
  targetRefs?: {
    /**
     * API group of the target. Default breakwater.dev.
     */
    group: 'breakwater.dev';
    /**
     * Kind of the target. Default AgentDeployment.
     */
    kind: 'AgentDeployment';
    /**
     * Name of the target.
     */
    name: string;
    /**
     * Dependency of the agent, such as model/primary, to limit calls to it. When absent, the requests that the agent takes are limited.
     */
    sectionName?: string;
  }[];
  /**
   * Agents in the same namespace that the policy is for, by label. An agent that gets the label later is covered at once.
   *
   * @minItems 1
   * @maxItems 16
   */
  targetSelectors?: {
    /**
     * API group of the targets. Default breakwater.dev.
     */
    group: 'breakwater.dev';
    /**
     * Kind of the targets. Default AgentDeployment.
     */
    kind: 'AgentDeployment';
    /**
     * Labels that a target must carry, all of them.
     */
    matchLabels: {
      [k: string]: string;
    };
  }[];
  /**
   * Token buckets. A request passes when every one of them lets it pass.
   *
   * @minItems 1
   * @maxItems 16
   */
  limits: {
    /**
     * Name of the limit, for status and metrics.
     */
    name: string;
    /**
     * What is counted. Default Requests.
     */
    resource: 'Requests';
    /**
     * How fast the bucket fills, evenly over the time.
     */
    refill: {
      /**
       * Amount added in each period.
       */
      amount: number;
      /**
       * Length of the period, such as 1s or 1m.
       */
      per: string;
    };
    /**
     * Most that the bucket holds, so the largest burst.
     */
    capacity: number;
  }[];
  /**
   * Where state is kept, to be chosen on purpose, so there is no default. Pod means that each pod has buckets of its own, so an agent with 3 pods takes 3 times the limit.
   */
  scope: 'Pod';
}
/**
 * What is. Written by the operator alone.
 */
export interface RateLimitPolicyStatus {
  /**
   * Generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * Limiting while any pod rejects, else Flowing; Unknown when no pod reports.
   */
  state?: 'Flowing' | 'Limiting' | 'Unknown';
  /**
   * The limits, summed over pods.
   *
   * @maxItems 16
   */
  limits?: {
    /**
     * Name of the limit.
     */
    name: string;
    /**
     * How much of the capacity is used in the fullest pod, 0 to 100.
     */
    usedPercent?: number;
    /**
     * Requests rejected since the pods started.
     */
    rejected?: number;
  }[];
  /**
   * Pods of all targets.
   */
  pods?: {
    /**
     * Pods that should report.
     */
    total?: number;
    /**
     * Pods that enforce this generation.
     */
    programmed?: number;
    /**
     * Pods that reject now.
     */
    limiting?: number;
  };
  /**
   * Figures for kubectl's columns.
   */
  summary?: {
    /**
     * How much of the fullest limit is used, such as 73%.
     */
    used?: string;
    /**
     * Requests rejected since the pods started.
     */
    rejected?: number;
    /**
     * Pods that enforce this generation out of all pods, such as 3/3.
     */
    programmed?: string;
  };
  /**
   * Conditions as in every Kubernetes API.
   *
   * @maxItems 16
   */
  conditions?: {
    /**
     * Name of the condition.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: 'True' | 'False' | 'Unknown';
    /**
     * Why, in one word.
     */
    reason: string;
    /**
     * Why, in a sentence.
     */
    message: string;
    /**
     * When status last changed.
     */
    lastTransitionTime: string;
    /**
     * Generation of the spec that the condition speaks of.
     */
    observedGeneration?: number;
  }[];
}
