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
 * What to run. Only image, imagePullPolicy, probes, shutdown, podTemplate, the image, port, env and resources of program, the name of a Secret or ConfigMap, and the token that an identity needs restart pods when changed; all else is live in milliseconds.
 */
export interface AgentDeploymentSpec {
  /**
   * Number of pods, 0 to 1000, unless autoscaling decides on it. Default 1.
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
   * What a new version of the operator does to an agent without an image of its own. Automatic rolls out the new default image, a few agents at a time. Manual keeps the image that the pods have until image is set or this is Automatic again. Default Automatic.
   */
  runtimeUpgrade: 'Automatic' | 'Manual';
  /**
   * The model that the agent talks to.
   */
  model: {
    /**
     * How requests without affinity are shared among the endpoints of the lowest priority that can be used: in turns, by the least load, by weight × (1 − load), or by chance. Load is the share of maxConcurrent in use, or of bulkhead.maxConcurrent where an endpoint has none. Default LeastLoaded.
     */
    loadBalancing: 'RoundRobin' | 'LeastLoaded' | 'Weighted' | 'Random';
    /**
     * Sends requests of one session to the endpoint that holds their prompt cache, as long as that endpoint takes calls. Sessions are shared among the endpoints of the lowest priority by weight, in the same way in all pods. Nothing changes where each endpoint has a priority of its own.
     */
    affinity: {
      /**
       * Automatic: requests that name their session in a header, and requests with cache_control, which belong together if client, system prompt and first user message are the same. Always: the same for requests without cache_control too, for endpoints that cache prompts unasked. Disabled: loadBalancing alone decides. Calls of one conversation of the agent stay together in any mode. Default Automatic.
       */
      mode: 'Automatic' | 'Always' | 'Disabled';
      /**
       * Request header that names the session, in place of the prompt. Claude Code's x-claude-code-session-id is read before it, and needs no mention. None by default.
       */
      header?: string;
    };
    /**
     * Endpoints that serve the model, up to 16. Each is a dependency named model/NAME with a circuit of its own. One whose circuit is open, that the provider holds back, or that is full is passed over.
     *
     * @minItems 1
     * @maxItems 16
     */
    endpoints: {
      /**
       * Name of the endpoint. Policies refer to it as sectionName model/NAME.
       */
      name: string;
      /**
       * Who serves the endpoint, and in which protocol. Anthropic is for the Messages API, also of gateways. Clouds serve it too: Bedrock and BedrockMantle are the two endpoints of Amazon Bedrock, ClaudePlatformAWS is Anthropic's own platform at AWS, Foundry is Microsoft's, Vertex is Google's. A request that one of them cannot take goes to the others. OpenAI is for Chat Completions and Responses, also of Azure, vLLM and others; an agent has only such endpoints or none. Default Anthropic.
       */
      provider:
        | 'Anthropic'
        | 'ClaudePlatformAWS'
        | 'Bedrock'
        | 'BedrockMantle'
        | 'Foundry'
        | 'Vertex'
        | 'OpenAI';
      /**
       * Region of AWS, such as eu-central-1, or location of Vertex, such as europe-west1, eu, us or global.
       */
      region?: string;
      /**
       * Project of Google that pays for Vertex.
       */
      project?: string;
      /**
       * Workspace of the Claude Platform.
       */
      workspace?: string;
      /**
       * Resource of Foundry, the part of its address before .services.ai.azure.com.
       */
      resource?: string;
      /**
       * Model to ask for, whatever model a request names. When absent, the request's own model is passed on.
       */
      model?: string;
      /**
       * Models that the endpoint serves, up to 32, each as clients name it and as the endpoint names it. A request for another model goes to another endpoint. When absent, the endpoint gets every model, by the name that the client uses.
       *
       * @minItems 1
       * @maxItems 32
       */
      models?: {
        /**
         * Model as clients name it, such as claude-opus-5.
         */
        name: string;
        /**
         * ID of that model at the endpoint, such as eu.anthropic.claude-opus-5, an inference profile or a deployment.
         */
        as: string;
      }[];
      /**
       * Betas of the Messages API that the endpoint knows. By default Anthropic and ClaudePlatformAWS get those of each request, and other clouds are taken to know none.
       */
      betas?: {
        /**
         * Names of betas that the endpoint knows, as in anthropic-beta, up to 32. None by default.
         *
         * @maxItems 32
         */
        accept?: string[];
        /**
         * What becomes of a request with another beta. PassOver: it goes to another endpoint, and here only while none other serves, with its betas. Send: it goes here like others. Drop: it goes here without those betas; what it says in its body for them stays, and the endpoint may refuse that. Default PassOver.
         */
        others: 'PassOver' | 'Drop' | 'Send';
      };
      /**
       * Address before /v1, also before the /v1/projects of Vertex, http or https, without credentials or query. Default is the provider's, such as https://api.anthropic.com and https://api.openai.com.
       */
      baseURL?: string;
      /**
       * Where the API key is. When absent, each client's own credentials are passed on.
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
      /**
       * Identity of the agent at the provider's cloud, in place of a key. The runtime shows the cloud a token of the agent's ServiceAccount and gets credentials that it renews by itself. The chart's value tenancy.identities says which ones agents may name. See docs/security.md. A change restarts pods where it needs another token.
       */
      identity?: {
        /**
         * At AWS. With roleARN, the agent assumes that role by the cluster's OIDC provider. Without it, EKS Pod Identity gives the role that is associated with the agent's ServiceAccount.
         */
        aws?: {
          /**
           * ARN of the role. Its trust policy must name the cluster's OIDC provider and the agent's ServiceAccount.
           */
          roleARN?: string;
        };
        /**
         * At Google. With audience, the agent shows its token to a workload identity provider. Without it, the metadata server gives a token, of the account that GKE binds to the agent's ServiceAccount or of the node.
         */
        google?: {
          /**
           * Full name of the workload identity provider that trusts the cluster.
           */
          audience?: string;
          /**
           * Service account of Google to act as. When absent, the federated identity itself has the rights.
           */
          serviceAccount?: string;
        };
        /**
         * At Azure. An application or a managed identity with a federated credential for the agent's ServiceAccount.
         */
        azure?: {
          /**
           * Tenant of Microsoft Entra ID.
           */
          tenantID: string;
          /**
           * Application (client) ID of the application or the managed identity.
           */
          clientID: string;
        };
      };
      /**
       * How the endpoint expects the key of apiKeySecretRef. APIKey sends it as x-api-key, or with provider OpenAI as api-key, as Azure expects it. Bearer sends it as authorization: Bearer. Default APIKey, and Bearer with providers OpenAI and Vertex.
       */
      credentialScheme?: 'APIKey' | 'Bearer';
      /**
       * Request headers whose values are in Secrets, for gateways that need more than an API key. Each replaces the client's header of that name. A new value is live within 2 minutes, without a restart.
       *
       * @maxItems 16
       */
      headersFrom?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Text before the value, such as "Bearer ". None by default.
         */
        prefix?: string;
        /**
         * A key of a Secret in the same namespace.
         */
        secretKeyRef: {
          /**
           * Name of the Secret.
           */
          name: string;
          /**
           * Key in that Secret.
           */
          key: string;
        };
      }[];
      /**
       * How the runtime shows itself to an endpoint with https. Authorities are in spec.trustedCA.
       */
      tls?: {
        /**
         * A Secret of type kubernetes.io/tls: a certificate with its chain in tls.crt, and its key in tls.key. A new value is live within 2 minutes, without a restart.
         */
        clientCertSecretRef: {
          /**
           * Name of a Secret in the same namespace.
           */
          name: string;
        };
      };
      /**
       * Requests to the endpoint at a time, in each pod. More go to another endpoint that has room, or wait, as bulkhead.maxQueued and bulkhead.acquireTimeout say. No bound by default.
       */
      maxConcurrent?: number;
      /**
       * Output tokens to ask the endpoint for at most, for endpoints with smaller models: a request with a larger max_tokens is sent with this figure. A request whose thinking budget is not below it does not move here, and its max_tokens stay above that budget. By default max_tokens is passed on as it is.
       */
      maxTokens?: number;
      /**
       * Tokens that the endpoint's model takes, prompt and answer together. A request whose prompt is too long for an endpoint that states this moves on to one that states more, and no request moves to an endpoint for which its prompt is too long by the agent's estimate. Conversations drop their oldest exchanges to fit. Not known by default: such a request does not move.
       */
      contextTokens?: number;
      /**
       * Endpoints of the lowest priority serve, and share the load; those of higher ones are fallbacks while none below can be used. 0 to 1000. Default 0.
       */
      priority: number;
      /**
       * Share of the load compared with endpoints of the same priority, when loadBalancing is Weighted, and share of the sessions that affinity keeps together. 1 to 1000. Default 1.
       */
      weight: number;
    }[];
  };
  /**
   * Further routes of the provider's API that clients may call, such as /v1/messages/batches, /v1/files and /v1/skills, each with all below it. /v1/messages, /v1/messages/count_tokens and /v1/models need no entry. Requests go as they are to the first endpoint of the lowest priority, which keeps the files and batches, and never to another. None by default: others are answered with 404.
   *
   * @maxItems 16
   */
  routes?: string[];
  /**
   * HTTP proxies for everything that the pods call outside the cluster: endpoints, tools, MCP servers, the webhook of the audit, the collector of traces and the keys of issuers. By default the variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the pod say which.
   */
  proxy?: {
    /**
     * Proxy for URLs with http, which forwards each request. None by default; they are called directly.
     */
    httpProxy?: string;
    /**
     * Proxy for URLs with https, which opens a tunnel by CONNECT. None by default; they are called directly.
     */
    httpsProxy?: string;
    /**
     * What is called directly, each with a port or for all ports: a name, which stands for all below it too, .NAME for all below it alone, an address, a network such as 192.0.2.0/24, or * for everything. Names without a dot, localhost, .svc, .cluster.local and addresses in URLs that are private are called directly in any case. None by default.
     *
     * @maxItems 128
     */
    noProxy?: string[];
    /**
     * A Secret of type kubernetes.io/basic-auth: what the proxies know the agent by, in username and password. A new value is live within 2 minutes, without a restart. None by default.
     */
    credentialsSecretRef?: {
      /**
       * Name of a Secret in the same namespace.
       */
      name: string;
    };
  };
  /**
   * Authorities that the pods trust besides those of the system, for proxies, endpoints, tools, MCP servers, Redis, the webhook of the audit, the collector of traces and the keys of issuers. New ones are live within 2 minutes, without a restart.
   */
  trustedCA?: {
    /**
     * A key of a ConfigMap in the same namespace, whose value is one or more certificates as PEM.
     */
    configMapKeyRef: {
      /**
       * Name of the ConfigMap.
       */
      name: string;
      /**
       * Key in that ConfigMap. Default ca.crt.
       */
      key: string;
    };
  };
  /**
   * What the model is told before each conversation, at most 65536 characters. Requests to /v1/messages bring their own.
   */
  systemPrompt?: string;
  /**
   * Where the system prompt is, in place of systemPrompt. A new text is live within 2 minutes, without a restart.
   */
  systemPromptFrom?: {
    /**
     * A key of a ConfigMap in the same namespace.
     */
    configMapKeyRef: {
      /**
       * Name of the ConfigMap.
       */
      name: string;
      /**
       * Key in that ConfigMap.
       */
      key: string;
    };
  };
  /**
   * Tools over HTTP that the model may use in conversations. Each is a dependency named tool/NAME with a circuit of its own.
   *
   * @maxItems 32
   */
  tools?: {
    /**
     * Name of the tool, as the model sees it. Policies refer to it as sectionName tool/NAME.
     */
    name: string;
    /**
     * What the tool does and when to use it, for the model.
     */
    description: string;
    /**
     * JSON Schema of the input, an object, in draft-07. What the model gives is checked against it before the tool is called. It may have 32 KiB, 32 levels and 128 $refs; those of all tools together 256 KiB and 1024 $refs.
     */
    inputSchema: {
      [k: string]: unknown;
    };
    /**
     * The request that the tool is.
     */
    http: {
      /**
       * Address, in which {NAME} stands for a property of the input, encoded for its place. A host that is written out is called wherever it is; one with {NAME} in it, and redirects, are bound by security.egress.
       */
      url: string;
      /**
       * Method. Properties of the input that the URL does not use go into the query with GET and DELETE, else into a JSON body. Default POST.
       */
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
      /**
       * Request headers.
       *
       * @maxItems 16
       */
      headers?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Its value. Secrets belong into headersFrom.
         */
        value: string;
      }[];
      /**
       * Request headers whose values are in Secrets. A new value is live within 2 minutes, without a restart.
       *
       * @maxItems 16
       */
      headersFrom?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Text before the value, such as "Bearer ". None by default.
         */
        prefix?: string;
        /**
         * A key of a Secret in the same namespace.
         */
        secretKeyRef: {
          /**
           * Name of the Secret.
           */
          name: string;
          /**
           * Key in that Secret.
           */
          key: string;
        };
      }[];
      /**
       * Bytes of an answer that the model gets to see; what is beyond is cut off and the model is told so. Default 65536.
       */
      maxResponseBytes: number;
    };
    /**
     * Results of the tool that are kept in each pod's memory and given again to identical calls; without it none are. For tools that change nothing. scope, the tiers and resetToken of spec.cache hold for them too, whatever its mode is.
     */
    cache?: {
      /**
       * Age of a result up to which it is given again, from when the tool was called. The ttl of each tier of spec.cache bounds it too.
       */
      ttl: string;
    };
    /**
     * Calls at a time, in each pod. More wait, as bulkhead.maxQueued and bulkhead.acquireTimeout say. Default 10.
     */
    maxConcurrent: number;
  }[];
  /**
   * Your own code: one container beside the runtime, in any language. It offers tools to the model, answers requests of clients, or both, and calls the model, tools, cache, audit and incidents by the local API at BREAKWATER_URL. The runtime keeps the keys. See docs/program.md.
   */
  program?: {
    /**
     * Image of the program. Its process runs as user 65533 with a /tmp of its own, and nothing else that it can write. The chart's value tenancy.programImages says which images programs may have. A change restarts pods.
     */
    image: string;
    /**
     * Port on 127.0.0.1 where the program listens. It has it as PORT, with HOST=127.0.0.1. A change restarts pods. Default 8000.
     */
    port: number;
    /**
     * The tools that the program offers to the model, as an MCP server. Each is a dependency named tool/NAME with a circuit of its own. Clients do not reach its path. When absent, it offers none. A change is live without a restart.
     */
    tools?: {
      /**
       * Path of the MCP server, such as /mcp.
       */
      path: string;
    };
    /**
     * What clients reach of the program, through the runtime, which authenticates them and applies the agent's limits. When absent, they reach nothing. A change is live without a restart.
     */
    http?: {
      /**
       * Paths with all below them, such as / or /orders. The runtime's own paths stay its own.
       *
       * @minItems 1
       * @maxItems 16
       */
      paths: string[];
    };
    /**
     * Where the runtime asks the program whether it works. A status from 200 to 399 says so. When absent, any answer to GET / says so. A program that has not answered for a minute is restarted. A change is live without a restart.
     */
    health?: {
      /**
       * Path, such as /ok.
       */
      path: string;
    };
    /**
     * Environment variables, besides PORT, HOST, BREAKWATER_URL, BREAKWATER_TOKEN, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY and OTEL_*, which the operator sets. A change restarts pods.
     *
     * @maxItems 64
     */
    env?: {
      /**
       * Name of the variable.
       */
      name: string;
      /**
       * Its value.
       */
      value?: string;
      /**
       * A key of a Secret in the same namespace, but not the Secret of an endpoint's API key. The program starts once it exists.
       */
      secretKeyRef?: {
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in that Secret.
         */
        key: string;
      };
    }[];
    /**
     * What the program requests, and its limits. cpu and memory each have a default where neither is set: 250m and 256Mi, with limits of 1 and 512Mi. A change restarts pods.
     */
    resources: {
      /**
       * By name of the resource, such as cpu or memory.
       */
      requests?: {
        [k: string]: number | string;
      };
      /**
       * By name of the resource, such as cpu or memory.
       */
      limits?: {
        [k: string]: number | string;
      };
    };
  };
  /**
   * MCP servers over streamable HTTP whose tools the model may use in conversations, named SERVER__TOOL. Each server is a dependency named mcp/NAME with a circuit of its own.
   *
   * @maxItems 16
   */
  mcpServers?: {
    /**
     * Name of the server. Policies refer to it as sectionName mcp/NAME.
     */
    name: string;
    /**
     * Address of its streamable HTTP transport. It is called wherever it is.
     */
    url: string;
    /**
     * Request headers whose values are in Secrets. A new value is live within 2 minutes, without a restart.
     *
     * @maxItems 16
     */
    headersFrom?: {
      /**
       * Name of the header.
       */
      name: string;
      /**
       * Text before the value, such as "Bearer ". None by default.
       */
      prefix?: string;
      /**
       * A key of a Secret in the same namespace.
       */
      secretKeyRef: {
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in that Secret.
         */
        key: string;
      };
    }[];
    /**
     * Names of the server's tools that the model may use. All by default.
     *
     * @minItems 1
     * @maxItems 128
     */
    allowedTools?: string[];
    /**
     * The tools that the model may have, as status.mcpServers[].toolsHash shows them: SHA-256 over the names, descriptions and input schemas of the tools that allowedTools allows. While the server lists others, all its tools are withheld from the model. Without it they are used as they are, and an Event tells of changes.
     */
    toolsHash?: string;
    /**
     * Each pod asks the server for the list of its tools when it has not called it for so long, so that its circuit learns of an outage and of its end before a conversation does. No tool is called for that. 0s never does. Default 30s.
     */
    checkInterval: string;
    /**
     * Results of the server's tools that are kept, as spec.tools[].cache keeps those of other tools; without it none are. scope, the tiers and resetToken of spec.cache hold for them too, whatever its mode is.
     */
    cache?: {
      /**
       * Age of a result up to which it is given again, from when the tool was called. The ttl of each tier of spec.cache bounds it too.
       */
      ttl: string;
      /**
       * Names of the server's tools whose results are kept. For tools that change nothing.
       *
       * @minItems 1
       * @maxItems 128
       */
      tools: string[];
    };
    /**
     * Calls at a time, in each pod. More wait, as bulkhead.maxQueued and bulkhead.acquireTimeout say. Default 10.
     */
    maxConcurrent: number;
    /**
     * Bytes of an answer that the model gets to see; text beyond is cut off, an image or document that does not fit is left out, and the model is told so. Default 65536.
     */
    maxResponseBytes: number;
  }[];
  /**
   * What pods check besides the circuits of their dependencies, side by side and never in the course of a request. /health, status, metrics and the condition DependenciesHealthy show the results. A change is live without a restart.
   *
   * @maxItems 16
   */
  healthChecks?: {
    /**
     * Name of the check.
     */
    name: string;
    /**
     * A GET request. A status from 200 to 399 passes; redirects are not followed and no answer is read or shown.
     */
    http?: {
      /**
       * Address, which is called wherever it is.
       */
      url: string;
    };
    /**
     * A connection. It passes when it is opened, and is closed at once.
     */
    tcp?: {
      /**
       * Host name or IP address.
       */
      host: string;
      /**
       * Port.
       */
      port: number;
    };
    /**
     * Time from the end of a check to the next one, in each pod. Default 30s.
     */
    interval: string;
    /**
     * Time for a check to pass. Default 2s.
     */
    timeout: string;
    /**
     * Checks in a row that must fail before the check counts as failing. The first check of a pod counts at once. One that passes ends it. Default 3.
     */
    failureThreshold: number;
    /**
     * true makes a pod unready while the check fails there. Only for what a pod has to itself, such as a sidecar: when something fails that all pods share, all of them leave the Service at once and nobody gets an answer, not even an error that says why. Default false.
     */
    critical: boolean;
  }[];
  /**
   * What the agent may do, and what counts as an attack on it. A change is live without a restart.
   */
  security: {
    /**
     * Where tools may go that is not written out in this spec, by a host with {NAME} in it or by a redirect.
     */
    egress: {
      /**
       * Hosts, such as api.example.com or *.example.com. None by default, which allows every host.
       *
       * @maxItems 64
       */
      allowHosts?: string[];
      /**
       * Refuse addresses of private, local and reserved networks, the cluster's own among them. Judged by the address that is connected to. Default true.
       */
      denyPrivateNetworks: boolean;
    };
    /**
     * What pods do about the client that an incident is about, or about its address if the client is not known. The first entry for the type and the level counts. By default incidents are reported and nothing else; failed authentication is throttled all the same, by auth.failures. Each pod decides by itself. Another list lifts what is in force, and so does a restart.
     *
     * @maxItems 16
     */
    responses?: {
      /**
       * Types of incidents. All by default. FailedAuthentication, AuthorizationDenied, LimitAbuse and AnomalousSpend are the names that 0.1 had for BruteForceAttack and CredentialStuffing, UnauthorizedAccess and PrivilegeEscalation, RateLimitAbuse, and AnomalousAccess.
       *
       * @maxItems 19
       */
      types?: (
        | 'BruteForceAttack'
        | 'CredentialStuffing'
        | 'UnauthorizedAccess'
        | 'PrivilegeEscalation'
        | 'RateLimitAbuse'
        | 'AnomalousAccess'
        | 'DataExfiltration'
        | 'SessionHijacking'
        | 'ConfigurationTampering'
        | 'PromptInjection'
        | 'ToolMisuse'
        | 'SecretExposed'
        | 'MalformedInput'
        | 'ToolChanged'
        | 'CredentialRefused'
        | 'FailedAuthentication'
        | 'AuthorizationDenied'
        | 'LimitAbuse'
        | 'AnomalousSpend'
      )[];
      /**
       * Lowest threat level that this is for. Default Low.
       */
      minLevel: 'Low' | 'Medium' | 'High' | 'Critical';
      /**
       * Report does nothing else. Throttle answers requests beyond requestsPerMinute with 429 ClientThrottled. Block answers each request with 403 ClientBlocked.
       */
      action: 'Report' | 'Throttle' | 'Block';
      /**
       * Requests of a throttled client. Default 10.
       */
      requestsPerMinute: number;
      /**
       * Duration lifts it when duration has passed since the incident was opened, or since its level rose. Closed lifts it when the incident closes: when nothing of it was seen for incidents.window. Default Duration.
       */
      lift: 'Duration' | 'Closed';
      /**
       * Time that it lasts, unless lift is Closed. Default 10m.
       */
      duration: string;
    }[];
    /**
     * When what pods see of attacks is a security incident. Each pod counts by itself, in memory. Incidents are in status.security, in Events, in the metrics security_incidents_total and security_incidents_open, in the log, and in the audit.
     */
    incidents: {
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      window?: number | string;
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      maxTracked?: number | string;
      /**
       * Renamed in 0.2.0. Use spec.security.incidents.rules.
       */
      thresholds?: {
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        failedAuthentication?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        authorizationDenied?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        promptInjection?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        toolMisuse?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        secretExposed?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        limitAbuse?: number;
        /**
         * Renamed in 0.2.0. Use spec.security.incidents.rules.
         */
        malformedInput?: number;
      };
      /**
       * How many detections of a type open an incident, or give it a level. One detection opens an incident of a type without a rule that has no level. Default 5 of ToolMisuse, 100 of RateLimitAbuse, 10 of MalformedInput, and Critical at 5 of BruteForceAttack within 60s. Rules replace the defaults.
       *
       * @maxItems 32
       */
      rules?: {
        /**
         * What is detected, such as BruteForceAttack for a key or a token that is not accepted.
         */
        type:
          | 'BruteForceAttack'
          | 'CredentialStuffing'
          | 'UnauthorizedAccess'
          | 'PrivilegeEscalation'
          | 'RateLimitAbuse'
          | 'AnomalousAccess'
          | 'DataExfiltration'
          | 'SessionHijacking'
          | 'ConfigurationTampering'
          | 'PromptInjection'
          | 'ToolMisuse'
          | 'SecretExposed'
          | 'MalformedInput'
          | 'ToolChanged'
          | 'CredentialRefused';
        /**
         * Detections from one client or address.
         */
        count: number;
        /**
         * Time in which the detections come. When absent, all of the incident count.
         */
        within?: string;
        /**
         * Least level that the incident then has. When absent, the rule says how many detections open an incident.
         */
        level?: 'Low' | 'Medium' | 'High' | 'Critical';
      }[];
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      raiseLevelAt?: number | string;
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      manySources?: number | string;
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      spend?: {
        [k: string]: unknown;
      };
    };
    /**
     * Looks for texts that try to have the model do what neither its author nor its user wants. Rules score each text; they miss attacks and raise false alarms. What is found is a security incident of the type PromptInjection.
     */
    promptInjection: {
      /**
       * Report changes nothing. Block refuses a client's text with 400 and the reason PromptBlocked, and keeps results of tools from the model as blockedResults says. Default Report.
       */
      mode: 'Disabled' | 'Report' | 'Block';
      /**
       * Score from which a text counts as an attempt. Default 60.
       */
      threshold: number;
      /**
       * Texts that are looked at. By default results of tools and of MCP servers in conversations, and, in the mode Report, what clients send to conversations.
       *
       * @maxItems 5
       */
      sources: {
        /**
         * UserInput and Documents are what clients send to conversations, ToolResults and McpResults what tools return in them. Messages is the newest turn of requests to /v1/messages, 64 KiB of it at most.
         */
        source: 'UserInput' | 'ToolResults' | 'McpResults' | 'Documents' | 'Messages';
        /**
         * For this source instead of threshold.
         */
        threshold?: number;
        /**
         * For this source instead of mode.
         */
        mode?: 'Report' | 'Block';
      }[];
      /**
       * Rules that texts are scored by. Guides finds eight short patterns, such as sudo and <!--, wherever they stand, and so in many ordinary texts. Default Default.
       *
       * @maxItems 2
       */
      ruleSets: ('Default' | 'Guides')[];
      /**
       * Patterns of your own, beside those of ruleSets. What is found adds to the score.
       *
       * @maxItems 32
       */
      patterns?: {
        /**
         * Its name in incidents.
         */
        name: string;
        /**
         * RE2, such as (?i)project (falcon|osprey). It counts anywhere in the text as it is, before hidden text is decoded.
         */
        pattern: string;
        /**
         * What it adds to the score. Default 60.
         */
        weight: number;
        /**
         * Kinds of texts that it is for. All by default. Texts of Messages count by what they are.
         *
         * @maxItems 4
         */
        sources?: ('UserInput' | 'ToolResults' | 'McpResults' | 'Documents')[];
      }[];
      /**
       * A guardrail service that pods ask about each text, beside ruleSets and patterns. They send the first 64 KiB as {"text", "source"} by POST, and read {"score"} from 0 to 100, or {"flagged"}.
       */
      detector?: {
        /**
         * Where texts are sent. Redirects are not followed.
         */
        url: string;
        /**
         * Time for an answer. A text waits for it. Default 1s.
         */
        timeout: string;
        /**
         * What counts when the service fails or is late. Allow goes by the rules alone. Block refuses the text where the mode of its source is Block, with 503 ScreenUnavailable, and keeps results of tools from the model. Default Allow.
         */
        onFailure: 'Allow' | 'Block';
      };
      /**
       * Tools and MCP servers by their names in the spec whose results are not looked at.
       *
       * @maxItems 64
       */
      exempt?: string[];
      /**
       * With Block, what the model gets of a result in which an attempt was found. Replace gives it a note instead. Fence gives it the text after a note that it is data and holds no instructions, which models heed less reliably. Default Replace.
       */
      blockedResults: 'Replace' | 'Fence';
    };
    /**
     * Looks for API keys, tokens and private keys in prompts and answers by the rules of secretlint. What is found is a security incident of the type SecretExposed. The secret itself is never logged.
     */
    secrets: {
      /**
       * Report changes nothing. Redact replaces a secret in conversations with a note of its kind; on /v1/messages it reports. Block refuses a prompt with 400 and the reason PromptBlocked, and replaces an answer or a result of a tool with a note. On /v1/messages it refuses an answer with 400 and the reason AnswerBlocked, or ends its stream with an error. With both, a tool is not called with a secret. Default Disabled.
       */
      mode: 'Disabled' | 'Report' | 'Redact' | 'Block';
      /**
       * Prompts are what clients send to conversations, ToolResults what tools return in them and Answers what the model says in them. With Redact and Block an answer is streamed when all of it has come. ToolArguments are what the model sends to tools and MCP servers in them. Messages is the newest turn of requests to /v1/messages, 64 KiB of it at most, and MessageAnswers their answers. Default Prompts, Answers.
       *
       * @maxItems 6
       */
      sources: (
        'Prompts' | 'ToolResults' | 'Answers' | 'ToolArguments' | 'Messages' | 'MessageAnswers'
      )[];
    };
    /**
     * Looks for turns of conversations that go round in circles or take too much. What is found is a security incident of the type ToolMisuse.
     */
    runGuard: {
      /**
       * Report changes nothing. Enforce answers the call with a note to the model the first time in a turn, and then ends the turn with the stop_reason run_guard. Default Report.
       */
      mode: 'Disabled' | 'Report' | 'Enforce';
      /**
       * Calls of one tool with the same arguments in one turn that are too many. Two calls that take turns are too many the second time. Default 3.
       */
      repeats: number;
      /**
       * Tools, as the model names them, that may be called with the same arguments time and again, such as one that asks how a job stands.
       *
       * @maxItems 64
       */
      exempt?: string[];
      /**
       * Calls of tools in one turn. Not limited by default.
       */
      maxToolCalls?: number;
      /**
       * Tokens in one turn, input and output together. Not limited by default.
       */
      maxTokens?: number;
      /**
       * Time after which a turn gets no more tools. Not limited by default; spec.timeouts.run ends it in any case.
       */
      maxDuration?: string;
      /**
       * What the tokens of one turn may cost, at prices of yours. Not limited by default.
       */
      cost?: {
        /**
         * Most that one turn may cost, in hundredths of your currency.
         */
        maxCents: number;
        /**
         * Price of a million input tokens.
         */
        inputCentsPerMillionTokens: number;
        /**
         * Price of a million output tokens.
         */
        outputCentsPerMillionTokens: number;
      };
      /**
       * Also look for repeated calls in the newest turns of requests to /v1/messages, and report them. Default false.
       */
      messages: boolean;
    };
  };
  /**
   * What pods tell of the requests that they serve. A change is live without a restart.
   */
  telemetry: {
    /**
     * Traces by OpenTelemetry, sent by OTLP. `endpoint` and `sampling` that are absent have the operator-wide default of the chart. Off while no endpoint is named.
     */
    tracing?: {
      /**
       * Address of the collector. Port 4317 is OTLP over gRPC, to which spec.proxy does not apply. Any other port is OTLP over HTTP, and /v1/traces is added.
       */
      endpoint?: string;
      /**
       * Request headers whose values are in Secrets. A new value is live within 2 minutes, without a restart.
       *
       * @maxItems 16
       */
      headersFrom?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Text before the value, such as "Bearer ". None by default.
         */
        prefix?: string;
        /**
         * A key of a Secret in the same namespace.
         */
        secretKeyRef: {
          /**
           * Name of the Secret.
           */
          name: string;
          /**
           * Key in that Secret.
           */
          key: string;
        };
      }[];
      /**
       * Which requests are traced. Every request has a trace id, traced or not.
       */
      sampling?: {
        /**
         * Share of the traces that begin here which are kept, 0 to 1. Default 1.
         */
        ratio?: string;
        /**
         * Whether a client that sends traceparent decides whether its trace is kept; if not, ratio does. Default true.
         */
        parentBased?: boolean;
      };
      /**
       * What spans hold of prompts and answers. Full sends them to the collector, with all that users write. Default None.
       */
      content?: 'None' | 'Full';
      /**
       * What `user.id` of a span is. Hashed: a hash that is the same for each request of a client. Plain: the name of the client's API key, or the subject of its token. Default Hashed.
       */
      userId?: 'Hashed' | 'Plain';
      /**
       * What becomes of the header `baggage` of a client. Forward sends it to the endpoints of the model, with whatever the client's services note in it. Holds while tracing is off, too. Default Drop.
       */
      baggage?: 'Drop' | 'Forward';
    };
    /**
     * What pods log, as lines of JSON. Bodies, prompts and keys are never in them.
     */
    logging: {
      /**
       * Share of the requests answered well at the first attempt that get an access line too, 0 to 1. Every request that failed, was refused or needed more than one attempt has one anyway. Default 0.
       */
      successRatio: string;
      /**
       * Lowest level that a module logs, by its name: access (a line for each request), model (attempts, retries, moves), tools, agent (turns), guard (circuits and gates) and others. Debug adds their decisions, Trace also each message of the operator (link). Default Info for each.
       */
      levels?: {
        [k: string]: 'Trace' | 'Debug' | 'Info' | 'Warn' | 'Error' | 'Silent';
      };
    };
  };
  /**
   * Records what clients and the operator did, as events of OCSF 1.8 in a chain of hashes: {} writes them to standard output. Off by default, since events name clients and their addresses. No event holds a prompt or an answer. A change is live without a restart.
   */
  audit?: {
    /**
     * Write events to standard output, among the lines of the log, each with "stream":"audit". Default true.
     */
    stdout: boolean;
    /**
     * Append events to /var/log/breakwater/audit/POD/audit.jsonl, and begin another file when it is full. Setting or removing this restarts pods; its figures are live.
     */
    file?: {
      /**
       * Volume that outlives pods; every pod of the agent mounts it, so it takes ReadWriteMany where pods run on several nodes. By default a pod has an emptyDir, which outlives its containers but not the pod.
       */
      persistentVolumeClaim?: {
        /**
         * Name of a PersistentVolumeClaim in the same namespace.
         */
        claimName: string;
      };
      /**
       * Bytes of a file before another one is begun. Default 67108864.
       */
      maxBytes: number;
      /**
       * Files of a pod that are kept, the current one included. Older ones are deleted. Default 8.
       */
      maxFiles: number;
    };
    /**
     * Removed in 0.2.0 and ignored. Use spec.audit.otlp, or have a log pipeline read standard output.
     */
    webhook?: {
      [k: string]: unknown;
    };
    /**
     * Send events to a collector as log records of OpenTelemetry, by OTLP over HTTP in JSON, each at least once: they wait on disk until it answers with 2xx, over restarts of the container too, and are lost with the pod. The body of a record is the event.
     */
    otlp?: {
      /**
       * Where records are sent by POST, the path of logs included. Redirects are not followed.
       */
      url: string;
      /**
       * Request headers whose values are in Secrets. A new value is live within 2 minutes, without a restart.
       *
       * @maxItems 16
       */
      headersFrom?: {
        /**
         * Name of the header.
         */
        name: string;
        /**
         * Text before the value, such as "Bearer ". None by default.
         */
        prefix?: string;
        /**
         * A key of a Secret in the same namespace.
         */
        secretKeyRef: {
          /**
           * Name of the Secret.
           */
          name: string;
          /**
           * Key in that Secret.
           */
          key: string;
        };
      }[];
      /**
       * Time for the answer to one batch. Default 10s.
       */
      timeout: string;
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      queueBytes?: number | string;
    };
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    memoryEvents?: number | string;
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    bufferBytes?: number | string;
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    authenticationInterval?: number | string;
    /**
     * Tools whose events hold more than their name. None by default.
     *
     * @maxItems 64
     */
    content?: {
      /**
       * Name of the tool, as the model sees it; of an MCP server's, SERVER__TOOL.
       */
      tool: string;
      /**
       * Arguments holds what the model gave the tool, up to 4096 characters. Default Arguments.
       */
      include: 'None' | 'Arguments';
    }[];
    /**
     * Refuse requests with 503 AuditUnavailable, and calls of tools, while their events could not be kept. Each one under way keeps 4096 bytes of bufferBytes and queueBytes. Default false, which drops and counts events.
     */
    required: boolean;
  };
  /**
   * Conversations that the agent itself keeps, at /v1/conversations.
   */
  conversation: {
    /**
     * Messages of a conversation that are kept, tool results included. Beyond it the oldest exchanges are dropped, each as a whole, but never the last one. Default 100.
     */
    maxMessages: number;
    /**
     * Calls to the model for one message at most; the turn then ends with what there is. Default 16.
     */
    maxTurns: number;
    /**
     * Output tokens that one call to the model may take, as max_tokens of the Messages API. Default 4096.
     */
    maxTokens: number;
    /**
     * Time without a message after which a conversation is forgotten. Default 1h.
     */
    idleTimeout: string;
    /**
     * Where conversations are kept.
     */
    store: {
      /**
       * Memory keeps a conversation in the pod where it began; other pods pass its messages on to that pod, and it is lost when that pod ends. Redis keeps it in the one of spec.redis; any pod carries it on. Default Memory.
       */
      type: 'Memory' | 'Redis';
      /**
       * Renamed in 0.2.0. Use spec.redis.
       */
      redis?: {
        /**
         * Renamed in 0.2.0. Use spec.redis.url.
         */
        url: string;
        /**
         * Renamed in 0.2.0. Use spec.redis.passwordSecretRef.
         */
        passwordSecretRef?: {
          /**
           * Renamed in 0.2.0. Use spec.redis.passwordSecretRef.name.
           */
          name: string;
          /**
           * Renamed in 0.2.0. Use spec.redis.passwordSecretRef.key.
           */
          key: string;
        };
      };
    };
  };
  /**
   * A Redis of yours, version 6 or later, or another server that speaks its protocol. It keeps conversations with conversation.store.type Redis, buckets of RateLimitPolicies with fleet.store Redis, and the last lists of tools of MCP servers. None by default.
   */
  redis?: {
    /**
     * Address. With rediss the connection is encrypted.
     */
    url: string;
    /**
     * Where the password is. None by default.
     */
    passwordSecretRef?: {
      /**
       * Name of a Secret in the same namespace.
       */
      name: string;
      /**
       * Key in that Secret.
       */
      key: string;
    };
  };
  /**
   * Who may call the agent. Health and metrics are not guarded by it. A client's name reaches limits with key.type Client, the cache and logs. Pods that lack the mount of a new Secret serve under the former auth until the rollout replaces them: Ready is False with AuthPending meanwhile.
   */
  auth: {
    /**
     * APIKeys and JWT let nobody in without a key or a token, as authorization: Bearer or else as x-api-key; what was checked goes no further. None lets everybody in, who then spend the keys of the agent's endpoints. Default None.
     */
    type: 'None' | 'APIKeys' | 'JWT';
    /**
     * What clients may do. The first entry that names a client counts; a client that none names is refused with 403. All clients may do everything by default, and each has its own conversations. A change is live without a restart.
     *
     * @minItems 1
     * @maxItems 64
     */
    clients?: {
      /**
       * Key of the client in the Secret of apiKeys, or sub of its token; * names every client, for a last entry.
       */
      name?: string;
      /**
       * Clients whose token has this claim with this value, as text, in a list, or as one of the words of a text.
       */
      claim?: {
        /**
         * Name of the claim, such as groups or scope.
         */
        name: string;
        /**
         * Value, such as support.
         */
        value: string;
      };
      /**
       * What they may do. A field that is absent bounds nothing.
       */
      allow: {
        /**
         * Routes of the agent: Messages (/v1/messages, or with provider OpenAI /v1/chat/completions and /v1/responses), CountTokens, Models, Conversations, and Provider for all of spec.routes, whose requests are passed on unread, so that models and maxTokens do not bound them. Without it all of them, but Provider only where neither models nor maxTokens is set.
         *
         * @maxItems 5
         */
        routes?: ('Messages' | 'CountTokens' | 'Models' | 'Conversations' | 'Provider')[];
        /**
         * Models that requests may name, or beginnings of their names with * at the end, such as claude-haiku-*. An endpoint with a model of its own uses that one all the same, as conversations do.
         *
         * @maxItems 64
         */
        models?: string[];
        /**
         * Tools that the model may use in the client's conversations, as it knows them, such as find_order or SERVER__*. Others are not offered to it.
         *
         * @maxItems 64
         */
        tools?: string[];
        /**
         * Largest max_tokens of a request. Answers in conversations are bounded by it too.
         */
        maxTokens?: number;
        /**
         * Own has a client see only conversations that it started itself. All opens those of other clients too, which needs conversation.store.type Memory. Default Own.
         */
        conversations: 'Own' | 'All';
        /**
         * Allow everything, conversations of other clients among it where conversation.store.type is Memory. Debug pages need rights of the cluster all the same. Default false.
         */
        admin: boolean;
      };
    }[];
    /**
     * Clients by their API keys.
     */
    apiKeys?: {
      /**
       * Secret in the same namespace: each of its keys names a client, and the value is that client's API key, or several, one a line. Changes are live without a restart.
       */
      secretRef: {
        /**
         * Name of the Secret.
         */
        name: string;
      };
    };
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    failures?: {
      [k: string]: unknown;
    };
    /**
     * Networks of the proxies before the agent. Where a request comes from one, the audit and failures take the client's address from x-forwarded-for, as far as trusted proxies wrote it. None by default, which takes the address of the connection.
     *
     * @maxItems 64
     */
    trustedProxies?: string[];
    /**
     * Clients by JSON Web Tokens. A token needs exp, and sub, which names the client; it is signed with an asymmetric key.
     */
    jwt?: {
      /**
       * What iss of a token has to be.
       */
      issuer: string;
      /**
       * What aud of a token has to name, one of these.
       *
       * @minItems 1
       * @maxItems 16
       */
      audiences: string[];
      /**
       * Where the public keys of the issuer are, as a JSON Web Key Set. Asked for anew when a token names one that is not among them.
       */
      jwksURL: string;
      /**
       * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
       */
      keys?: {
        [k: string]: unknown;
      };
    };
  };
  /**
   * How long one request to the model, and one turn of a conversation, may take. A duration is a row of numbers with units h, m, s or ms, such as 1m30s.
   */
  timeouts: {
    /**
     * Time to open a connection to the endpoint, TLS included. Default 10s.
     */
    connect: string;
    /**
     * Time from a request to its answer, with all attempts: to the end of an unstreamed answer, and to the first token of a streamed one. Default 5m.
     */
    request: string;
    /**
     * The same for one attempt at one endpoint, so that a request moves on from an endpoint that hangs. An attempt that takes longer is a Timeout. One that request cuts before that counts neither for nor against the endpoint. When absent, a stream has what is left of request divided by the endpoints that can still be used, and at least 10s, or half of request where request is not longer than 10s. An unstreamed attempt has three times the 95th percentile of such answers of the endpoint, and before 20 of them what is left less 60s for each further endpoint, at least half; it is only slow while its like are served. The last endpoint has all that is left.
     */
    attempt?: string;
    /**
     * Time from the start of an attempt, when the request has left the agent's own queues, to the first token of its answer's stream. Default 60s. Not longer than request, except for the default; longer than attempt, it has no effect.
     */
    firstToken: string;
    /**
     * Time from the first token of a stream to its end, however steadily it flows. What it cuts counts neither for nor against the endpoint. Default 1h.
     */
    stream: string;
    /**
     * Time in which nothing at all comes over a stream, not even a ping, once its first content block has opened. Pings are life: a model may think for long. A stream that sends nothing but pings is cut after 10m. Default 120s. Longer than stream, it has no effect.
     */
    streamIdle: string;
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    transportIdle?: number | string;
    /**
     * Time for one turn of a conversation, from a message to its answer, with all calls to the model. When it is over the turn ends with what there is. Default 15m.
     */
    run: string;
    /**
     * Time for one call of a tool, its wait for a place and redirects included. Default 30s.
     */
    tool: string;
  };
  /**
   * How often and when a request to the model that failed is sent to the same endpoint again, as long as nothing of an answer has reached the client. Nothing else retries. Moving on to another endpoint is no retry: a request does so at most maxAttempts times, to each endpoint once. Retries and moves after a call that failed draw on one budget of the endpoint that failed: budgetPercent and minPerSecond; an attempt after a timeout costs two. The first move of a request is free while its target succeeds in at least half its recent calls. With both figures 0 no attempt follows a call. An endpoint whose circuit is open or whose gate is shut is passed over at no cost.
   */
  retry: {
    /**
     * Attempts at most, the first one included; 1 is no retry. Default 3.
     */
    maxAttempts: number;
    /**
     * Longest wait before the first retry; the wait is random below it. It doubles with each further retry. Default 500ms.
     */
    baseDelay: string;
    /**
     * Longest wait before a retry. A request does not wait for a longer retry-after: it moves on to another endpoint, or the client gets the answer. A client's own request does not wait longer than 1s for a 429 either. Default 8s.
     */
    maxDelay: string;
    /**
     * Retries and moves that an endpoint may cause, in percent of the requests that the pod sent to it in the last 10s, so that they cannot swamp endpoints that are down. Default 20.
     */
    budgetPercent: number;
    /**
     * Retries and moves that an endpoint may cause beside budgetPercent, as a rate per second over 10s, so that little traffic can be retried. Default 1.
     */
    minPerSecond: number;
    /**
     * Longest retry-after that the runtime puts into an error answer of its own. The client sleeps that long while its user waits. The body names the true time. The runtime tells a client not to retry if the client has waited once and would have to wait longer. A turn of a conversation itself waits this long at most for a provider's rate limit. Default 5s.
     */
    maxRetryAfter?: string;
    /**
     * Time after which a gate that a provider shut lets a call through, however long the provider asks to wait. Gates hold back calls that the provider refused for their credential: the rate limit (429), the spend limit or a key that is not accepted. The time doubles while that call is refused, up to what the provider asks for. A provider that names no time is asked again after 1s, 2s, 4s and then every 5s. Each wait is up to 20 % longer, at most 10s, so that pods do not return together. resetToken of a CircuitBreakerPolicy opens the gates of its dependencies once; its override does not affect them. Default 5m.
     */
    maxProviderWait?: string;
  };
  /**
   * Renamed in 0.2.0. Use spec.retry.maxRetryAfter.
   */
  clientPatience?: string;
  /**
   * Renamed in 0.2.0. Use spec.retry.maxProviderWait.
   */
  gates?: {
    /**
     * Renamed in 0.2.0. Use spec.retry.maxProviderWait.
     */
    maxWait?: string;
  };
  /**
   * Requests that a pod takes at a time. One that exceeds it goes to another pod of the agent that has room. Where there is none it is answered with 503 and retry-after.
   */
  bulkhead: {
    /**
     * Requests in work at a time. Default 100.
     */
    maxConcurrent: number;
    /**
     * Requests that wait for a place, in the order in which they came; also at an endpoint's maxConcurrent, and at a limit with onLimit Queue, where the limit's keys share the places fairly. Default 100.
     */
    maxQueued: number;
    /**
     * Longest wait for a place; also at an endpoint's maxConcurrent. It counts against the deadline of the request. Default 5s.
     */
    acquireTimeout: string;
    /**
     * What becomes of a request that finds no place in time, in the bulkhead or at the maxConcurrent of any endpoint. Forward: the pod forwards it once to another pod of the agent that has room, with the client's credentials, and passes the answer on. Reject: the pod answers 503. A change is live without a restart. Default Forward.
     */
    whenFull: 'Forward' | 'Reject';
  };
  /**
   * What clients may send to a pod, whoever they are. The defaults fit the default container of 512Mi: raise them together with its memory, which podTemplate sets.
   */
  requestLimits?: {
    /**
     * Bytes of the body of one request; a larger one is answered with 413. Default 33554432 (32 MiB), what the Messages API takes.
     */
    maxBodyBytes: number;
    /**
     * Bytes of the bodies of all requests that a pod receives or serves at a time, and of the parts of answers that it holds back; a request beyond them is answered with 503 and retry-after. A body may take twice its size in memory. Default 67108864 (64 MiB).
     */
    maxBodyBytesInFlight: number;
    /**
     * Time without a byte of a body after which its request is answered with 408; also the period over which minBodyBytesPerSecond is judged. A request has 2 minutes in all to arrive. Default 10s.
     */
    bodyIdleTimeout: string;
    /**
     * Rate below which a body is too slow, in bytes per second, and its request is answered with 408. Default 1024.
     */
    minBodyBytesPerSecond: number;
    /**
     * Connections of clients to a pod, idle ones included. One beyond them closes the one that is idle longest, first among those without an accepted credential; while requests come over all of them it is refused. Default 2000.
     */
    maxConnections: number;
    /**
     * Connections from one address over which no credential has been accepted, so without auth all of them; one beyond them is closed at once. Raise it where all clients come through one proxy. Default 500.
     */
    maxConnectionsPerAddress: number;
  };
  /**
   * Renamed in 0.2.0. Use spec.requestLimits.
   */
  limits?: {
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.maxBodyBytes.
     */
    maxBodyBytes?: number;
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.maxBodyBytesInFlight.
     */
    maxBodyBytesInFlight?: number;
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.bodyIdleTimeout.
     */
    bodyIdleTimeout?: string;
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.minBodyBytesPerSecond.
     */
    minBodyBytesPerSecond?: number;
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.maxConnections.
     */
    maxConnections?: number;
    /**
     * Renamed in 0.2.0. Use spec.requestLimits.maxConnectionsPerAddress.
     */
    maxConnectionsPerAddress?: number;
  };
  /**
   * Answers of the model that are kept in each pod's memory and given again to identical requests. Identical requests that come while one of them is being answered share its answer. Errors are never kept. A kept answer starts in the tier warm, a hit copies it one tier up, and what warm has no more room for goes to cold. Changing a field here keeps what is kept.
   */
  cache: {
    /**
     * Exact gives a kept answer to a request with the same path, body and anthropic-* headers, at the same endpoints. Disabled keeps nothing. Default Disabled.
     */
    mode: 'Disabled' | 'Exact';
    /**
     * Who shares answers. With PerPrincipal a client gets only what was answered to it: clients are told apart by auth. Those that nobody checks, or whose credentials are passed on, are told apart by all headers that are passed on, but for those of formats, SDKs and traces. With Shared all clients share, whatever credentials they show. Default PerPrincipal.
     */
    scope: 'PerPrincipal' | 'Shared';
    /**
     * Answers that were asked for again.
     */
    hot: {
      /**
       * Answers at most; the one that was used least recently goes. Default 100.
       */
      maxEntries: number;
      /**
       * Age of an answer, from when it was made, up to which this tier serves it. Default 5m.
       */
      ttl: string;
    };
    /**
     * Answers as they come in.
     */
    warm: {
      /**
       * Answers at most; the one that was used least recently goes. Default 500.
       */
      maxEntries: number;
      /**
       * Age of an answer, from when it was made, up to which this tier serves it. Default 30m.
       */
      ttl: string;
    };
    /**
     * Answers that warm had no more room or time for.
     */
    cold: {
      /**
       * Answers at most; the one that was used least recently goes. Default 2000.
       */
      maxEntries: number;
      /**
       * Age of an answer, from when it was made, up to which this tier serves it. Default 1h.
       */
      ttl: string;
    };
    /**
     * Any text. Setting or changing it empties the cache of every pod once.
     */
    resetToken?: string;
  };
  /**
   * How a pod ends.
   */
  shutdown: {
    /**
     * Time that a stopping pod gives its open requests and streams to finish. It takes no new ones meanwhile. Default 5m.
     */
    drainTimeout: string;
    /**
     * Time that it has after that, in all, to put away what outlives it, such as conversations in Redis. Default 30s.
     */
    handlerTimeout: string;
    /**
     * Time that the program has to exit after its SIGTERM, which it gets once no request is open. Without a program it means nothing. When absent, 30s.
     */
    programTimeout?: string;
  };
  /**
   * Lets a HorizontalPodAutoscaler decide on the number of pods; replicas has no effect then. Removing it sets the number to replicas at once. With inFlight, KEDA makes that HorizontalPodAutoscaler. Needs metrics-server, and requests for CPU and memory in the pods, which they have by default.
   */
  autoscaling?: {
    /**
     * Fewest pods. Default 3.
     */
    minReplicas: number;
    /**
     * Most pods. Default 10.
     */
    maxReplicas: number;
    /**
     * CPU that the runtime's containers are to use on average, in percent of their requests; 0 leaves CPU out of account. Default 70.
     */
    cpuPercent: number;
    /**
     * Memory that the runtime's containers are to use on average, in percent of their requests; 0 leaves memory out of account. Default 80.
     */
    memoryPercent: number;
    /**
     * Scales by load as well, which says more of an agent than its CPU does. Needs KEDA, whose ScaledObject then takes the place of the operator's own HorizontalPodAutoscaler, with the same targets for CPU and memory. While the cluster has no KEDA, CPU and memory alone decide, and the condition ScaledByLoad says so.
     */
    inFlight?: {
      /**
       * Requests in flight, open streams included, and in the queue of a pod, on average. Half of bulkhead.maxConcurrent leaves room until a new pod is there.
       */
      target: number;
      /**
       * Where KEDA reads the load, the metrics bulkhead_active_requests and bulkhead_queue_size of the agent's pods.
       */
      prometheus: {
        /**
         * Address of the Prometheus that scrapes the agent's pods, as KEDA's operator reaches it. KEDA shows no credentials there.
         */
        serverAddress: string;
      };
    };
    /**
     * How quickly the number of pods changes, as spec.behavior of a HorizontalPodAutoscaler (autoscaling/v2), which gets it as it is. A value that the API server refuses there becomes a condition. Default as there.
     */
    behavior?: {
      [k: string]: unknown;
    };
  };
  /**
   * The Service in front of the pods.
   */
  service: {
    /**
     * Who can reach it, as for any Service. Default ClusterIP, the cluster alone.
     */
    type: 'ClusterIP' | 'NodePort' | 'LoadBalancer';
    /**
     * Port of the Service. Default 80.
     */
    port: number;
    /**
     * Annotations of the Service, such as those that a cloud provider reads.
     */
    annotations?: {
      [k: string]: string;
    };
  };
  /**
   * Who may open connections to the pods, by a NetworkPolicy. It takes effect where the cluster's network enforces them.
   */
  networkPolicy: {
    /**
     * Whether there is a NetworkPolicy. Default true.
     */
    enabled: boolean;
    /**
     * Who may reach the agent (port 8080), besides its own pods, each as in spec.ingress[].from of a NetworkPolicy, which gets them as they are. A value that the API server refuses there becomes a condition. Default is every pod of the agent's namespace. Clients from elsewhere, such as an ingress controller or clients of a LoadBalancer, must be named.
     *
     * @minItems 1
     * @maxItems 64
     */
    from?: {
      [k: string]: unknown;
    }[];
    /**
     * Who may reach metrics and health (port 9090), each as in from. Default is anybody.
     *
     * @minItems 1
     * @maxItems 64
     */
    metricsFrom?: {
      [k: string]: unknown;
    }[];
  };
  /**
   * How the kubelet checks pods. None of the checks asks the model, so an outage of the model restarts no pod. A change restarts pods.
   */
  probes: {
    /**
     * Whether the process has started; the other checks wait for it.
     */
    startup: {
      /**
       * Time between two checks, in whole seconds. Default 1s.
       */
      period: string;
      /**
       * Time for an answer, in whole seconds. Default 1s.
       */
      timeout: string;
      /**
       * Failed checks in a row after which the container is restarted. Default 300.
       */
      failureThreshold: number;
    };
    /**
     * Whether the process still works.
     */
    liveness: {
      /**
       * Time between two checks, in whole seconds. Default 10s.
       */
      period: string;
      /**
       * Time for an answer, in whole seconds. Default 5s.
       */
      timeout: string;
      /**
       * Failed checks in a row after which the container is restarted. Default 3.
       */
      failureThreshold: number;
    };
    /**
     * Whether the pod may get requests.
     */
    readiness: {
      /**
       * Time between two checks, in whole seconds. Default 5s.
       */
      period: string;
      /**
       * Time for an answer, in whole seconds. Default 3s.
       */
      timeout: string;
      /**
       * Failed checks in a row after which the pod gets no requests. Default 2.
       */
      failureThreshold: number;
    };
  };
  /**
   * What the agent bears when nodes are drained.
   */
  disruption: {
    /**
     * Pods that may be missing while nodes are drained, as a number or a percentage of the desired pods, rounded up. The agent counts as ready as long as no more are missing, and at least one is there. With 0 no node with a pod of the agent can be drained. Default 1.
     */
    maxUnavailable: number | string;
  };
  /**
   * How Prometheus watches the agent, by way of prometheus-operator. Where its CRDs are missing, the headless Service carries prometheus.io annotations for a Prometheus that looks for those.
   */
  monitoring: {
    /**
     * What scrapers of the pods' /metrics must show. Without it whoever reaches the port may read them; networkPolicy.metricsFrom says who does.
     */
    auth?: {
      /**
       * A token that scrapers send as Authorization Bearer; the ServiceMonitor has Prometheus do so. A new value is live within 2 minutes, without a restart. While it is missing, nobody may read /metrics. Without the token /health names no dependencies.
       */
      tokenSecretRef: {
        /**
         * Name of a Secret in the same namespace.
         */
        name: string;
        /**
         * Key in that Secret.
         */
        key: string;
      };
    };
    /**
     * The ServiceMonitor, by which Prometheus scrapes the pods.
     */
    serviceMonitor: {
      /**
       * true asks for it, and the condition Monitored says when the cluster does not have it; false goes without. When absent, it is made where the CRD is installed, now or later.
       */
      enabled?: boolean;
      /**
       * Time between two scrapes, at least 5s. Default 30s.
       */
      interval: string;
      /**
       * Labels of the object, such as those by which a Prometheus chooses what it scrapes.
       */
      labels?: {
        [k: string]: string;
      };
    };
    /**
     * The PrometheusRule with the agent's alerts, each of which has a page in docs/runbooks.
     */
    alerts: {
      /**
       * true asks for it, and the condition Monitored says when the cluster does not have it; false goes without. When absent, it is made where the CRD is installed, now or later.
       */
      enabled?: boolean;
      /**
       * Labels of the object, such as those by which a Prometheus chooses its rules.
       */
      labels?: {
        [k: string]: string;
      };
    };
  };
  /**
   * Parts of a pod template (metadata.labels, metadata.annotations, spec) merged over the generated one, as kubectl's strategic merge does it: lists of named things by their name, such as containers by name. The runtime's container is agent. Whoever runs the operator decides what may be in it (tenancy.podTemplate), by default nothing that gives pods rights. It may have 128 KiB and 32 levels.
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
   * How the health checks of the spec stand in the connected pods.
   *
   * @maxItems 16
   */
  healthChecks?: {
    /**
     * Name of the check.
     */
    name: string;
    /**
     * Whether a pod in which it fails is unready.
     */
    critical?: boolean;
    /**
     * Failing when it fails in any pod; Unknown while no pod has a result.
     */
    state: 'Passing' | 'Failing' | 'Unknown';
    /**
     * Pods in which it fails.
     */
    failingPods: number;
    /**
     * Why it fails in the first of these pods.
     */
    reason?: 'Timeout' | 'Connection' | 'BadStatus';
  }[];
  /**
   * The tools that the MCP servers of the spec offered the connected pods last. A server whose tools no pod has listed yet is left out.
   *
   * @maxItems 16
   */
  mcpServers?: {
    /**
     * Name of the server.
     */
    name: string;
    /**
     * SHA-256 over the names, descriptions and input schemas of its tools that allowedTools allows, as most pods have it. spec.mcpServers[].toolsHash pins it.
     */
    toolsHash: string;
    /**
     * Number of these tools.
     */
    tools: number;
    /**
     * Pods that were offered these tools out of those that have listed any, such as 3/3.
     */
    pods: string;
    /**
     * Pods that withhold the server's tools from the model, because toolsHash pins others.
     */
    withheldPods: number;
    /**
     * Version of MCP that the server speaks with most pods, such as 2026-07-28. Absent before a pod has reached it.
     */
    protocolVersion?: string;
    /**
     * Whether a pod offers the tools of an earlier list, because its last attempt to fetch the list failed. Absent while runtimes are too old to tell.
     */
    stale?: boolean;
  }[];
  /**
   * How the program of the spec stands in the pods. Nothing that it wrote is here.
   */
  program?: {
    /**
     * Image that new pods run as the program.
     */
    image: string;
    /**
     * Programs that are ready out of desired pods, such as 2/3.
     */
    ready: string;
    /**
     * How often the programs of the present pods have been restarted, in all.
     */
    restarts: number;
    /**
     * Tools that the program offers to the model, by the pod that has the most. Absent while no pod has listed them.
     */
    tools?: number;
    /**
     * How a program of the present pods ended last.
     */
    lastEnd?: {
      /**
       * Exit code of the process.
       */
      exitCode: number;
      /**
       * What the kubelet says, such as Error or OOMKilled.
       */
      reason: string;
      /**
       * Class of the error that ended it, with its file and line, such as TypeError at orders.js:12. Absent when its last lines name none.
       */
      error?: string;
    };
  };
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
     * Pods of the present template out of desired pods, such as 2/3.
     */
    updated?: string;
    /**
     * Programs that are ready out of desired pods, such as 2/3. Absent without spec.program.
     */
    program?: string;
    /**
     * Closed circuits out of all circuits in all connected pods, such as 7/8.
     */
    circuits?: string;
    /**
     * Policies that every pod enforces out of all policies attached, such as 2/2.
     */
    policies?: string;
    /**
     * Reason of the gravest condition, such as Unauthorized; Ready if nothing is wrong.
     */
    state?: string;
  };
  /**
   * Security incidents that the connected pods report. The level and the first incident of each type are written at once, all else with other changes or within five minutes.
   */
  security?: {
    /**
     * Highest threat level of an open incident.
     */
    level: 'None' | 'Low' | 'Medium' | 'High' | 'Critical';
    /**
     * Number of open incidents.
     */
    openIncidents: number;
    /**
     * Open incidents, the gravest first.
     *
     * @maxItems 10
     */
    open?: {
      /**
       * Its id, which the findings of the audit have too.
       */
      id: string;
      /**
       * What it is about.
       */
      type:
        | 'BruteForceAttack'
        | 'CredentialStuffing'
        | 'UnauthorizedAccess'
        | 'PrivilegeEscalation'
        | 'RateLimitAbuse'
        | 'AnomalousAccess'
        | 'DataExfiltration'
        | 'SessionHijacking'
        | 'ConfigurationTampering'
        | 'PromptInjection'
        | 'ToolMisuse'
        | 'SecretExposed'
        | 'MalformedInput'
        | 'ToolChanged'
        | 'CredentialRefused';
      /**
       * In which way it shows, such as EgressRefused, where its type has several.
       */
      form?: string;
      /**
       * Threat level, by type, protected asset and count.
       */
      level: 'Low' | 'Medium' | 'High' | 'Critical';
      /**
       * Times that it was seen.
       */
      count: number;
      /**
       * Name of the pod that saw it.
       */
      pod: string;
      /**
       * When it was opened.
       */
      since: string;
      /**
       * When it was seen last.
       */
      lastSeen: string;
      /**
       * Name of the client, or a hash of the subject of its token, if it is known.
       */
      client?: string;
      /**
       * Address of the client, or network of an IPv6 address, if it is known.
       */
      source?: string;
      /**
       * What it was attempted on, such as tool/find_order.
       */
      resource?: string;
      /**
       * What was seen.
       */
      message: string;
    }[];
    /**
     * The incident opened last, open or not.
     */
    last?: {
      /**
       * Its id, which the findings of the audit have too.
       */
      id: string;
      /**
       * What it is about.
       */
      type:
        | 'BruteForceAttack'
        | 'CredentialStuffing'
        | 'UnauthorizedAccess'
        | 'PrivilegeEscalation'
        | 'RateLimitAbuse'
        | 'AnomalousAccess'
        | 'DataExfiltration'
        | 'SessionHijacking'
        | 'ConfigurationTampering'
        | 'PromptInjection'
        | 'ToolMisuse'
        | 'SecretExposed'
        | 'MalformedInput'
        | 'ToolChanged'
        | 'CredentialRefused';
      /**
       * In which way it shows, such as EgressRefused, where its type has several.
       */
      form?: string;
      /**
       * Threat level, by type, protected asset and count.
       */
      level: 'Low' | 'Medium' | 'High' | 'Critical';
      /**
       * Times that it was seen.
       */
      count: number;
      /**
       * Name of the pod that saw it.
       */
      pod: string;
      /**
       * When it was opened.
       */
      since: string;
      /**
       * When it was seen last.
       */
      lastSeen: string;
      /**
       * Name of the client, or a hash of the subject of its token, if it is known.
       */
      client?: string;
      /**
       * Address of the client, or network of an IPv6 address, if it is known.
       */
      source?: string;
      /**
       * What it was attempted on, such as tool/find_order.
       */
      resource?: string;
      /**
       * What was seen.
       */
      message: string;
    };
    /**
     * Incidents since the connected pods started.
     */
    total?: number;
    /**
     * Incidents by threat level, the gravest first; levels without any are left out.
     *
     * @maxItems 4
     */
    levels?: {
      /**
       * Threat level.
       */
      level: 'Low' | 'Medium' | 'High' | 'Critical';
      /**
       * Open incidents.
       */
      open: number;
      /**
       * Incidents since the connected pods started. One whose level rises counts at each level that it reaches.
       */
      total: number;
    }[];
    /**
     * Incidents since the connected pods started, by type.
     *
     * @maxItems 16
     */
    counts?: {
      /**
       * What they are about.
       */
      type: string;
      /**
       * Their number.
       */
      count: number;
    }[];
    /**
     * Number of clients and addresses that spec.security.responses throttles or blocks; one that several pods hold counts for each.
     */
    responsesInForce?: number;
    /**
     * Clients and addresses that are throttled or blocked, the strictest first. The first one, the end of the last one and another action are written at once, all else with other changes or within five minutes.
     *
     * @maxItems 10
     */
    responses?: {
      /**
       * What clients get, 429 ClientThrottled or 403 ClientBlocked.
       */
      action: 'Throttle' | 'Block';
      /**
       * Name of the client, or a hash of the subject of its token, if it is known.
       */
      client?: string;
      /**
       * Address, or network of an IPv6 address, if the client is not known.
       */
      source?: string;
      /**
       * Id of the incident that it is about; of several, the gravest.
       */
      incident: string;
      /**
       * What that incident is about.
       */
      type:
        | 'BruteForceAttack'
        | 'CredentialStuffing'
        | 'UnauthorizedAccess'
        | 'PrivilegeEscalation'
        | 'RateLimitAbuse'
        | 'AnomalousAccess'
        | 'DataExfiltration'
        | 'SessionHijacking'
        | 'ConfigurationTampering'
        | 'PromptInjection'
        | 'ToolMisuse'
        | 'SecretExposed'
        | 'MalformedInput'
        | 'ToolChanged'
        | 'CredentialRefused';
      /**
       * Threat level of that incident.
       */
      level: 'Low' | 'Medium' | 'High' | 'Critical';
      /**
       * Number of pods in which it is in force.
       */
      pods: number;
      /**
       * When it began, in the first pod.
       */
      since: string;
      /**
       * When it ends, in the last pod. Absent while that is when the incident closes.
       */
      until?: string;
    }[];
  };
  /**
   * What the operator has seen of the audit's chains.
   */
  audit?: {
    /**
     * Last event of the last 4 chains of each pod, the one that moved last first, at most five minutes old. breakwater audit verify --agent finds by them that a file was written anew, or that its end is gone.
     *
     * @maxItems 32
     */
    heads?: {
      /**
       * Name of the pod.
       */
      pod: string;
      /**
       * Name of the chain; each process of the pod's container has one.
       */
      chain: string;
      /**
       * Number of the event.
       */
      sequence: number;
      /**
       * Its hash.
       */
      hash: string;
      /**
       * When the operator saw it.
       */
      time: string;
    }[];
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
     * Worst state of its circuit in any connected pod; Unknown when no pod reports. One in shadow mode counts as Closed, as it lets everything pass.
     */
    circuit: 'Closed' | 'HalfOpen' | 'Open' | 'Unknown';
    /**
     * Why calls are held back although nothing failed, in any connected pod: the provider's rate limit, its spend limit, or an API key that it refuses. Pauses with less than 5s to go are left out.
     */
    gate?: 'None' | 'RateLimited' | 'SpendLimit' | 'Unauthorized';
    /**
     * Until when calls are held back, RFC 3339; absent when the provider did not say.
     */
    until?: string;
    /**
     * Share of the calls of the last 10 s that were served, in the pod with the lowest. Present only while an endpoint stays in use because no other endpoint can serve.
     */
    servedPercent?: number;
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
   * What opens a closed circuit. A rule that is absent is off; at least one is needed. Only calls that ask for an answer count: what counts tokens or lists models neither opens nor closes a circuit, and an open one does not stop it.
   */
  trip: {
    /**
     * Opens after this many failures in a row where at most 6% of the up to 64 calls before them failed, and after more where more failed, because a row of failures may be chance then: for 5, after 9 where 20% failed, 16 where 40% did, 30 at most. Several failures of one request count once here; in rates they all count. Default 5 when trip is absent.
     */
    consecutiveFailures?: number;
    /**
     * Removed in 0.2.0 and ignored. It is timeouts.firstToken of the AgentDeployment.
     */
    abandonedAfter?: number | string;
    /**
     * Opens when at least this share of the calls in a window failed.
     */
    failureRate?: {
      /**
       * Share of failures that opens the circuit, 1 to 100.
       */
      percent: number;
      /**
       * Time that is looked back, 1s to 1h. A call leaves it at most a tenth early. An edited rule keeps the calls that its window still covers, and a rule that was off starts without any. Set exactly one of window and calls.
       */
      window?: string;
      /**
       * Calls that are looked back, the last ones that ended. Set exactly one of window and calls.
       */
      calls?: number;
      /**
       * Calls that must have ended within the window before it counts. Default 10.
       */
      minimumCalls: number;
    };
    /**
     * Opens when at least this share of the calls in a window was slow, whether or not they failed.
     */
    slowCalls?: {
      /**
       * Share of slow calls that opens the circuit, 1 to 100.
       */
      percent: number;
      /**
       * A call that takes longer is slow; of a streamed answer it is the time to its first token that counts.
       */
      slowerThan: string;
      /**
       * Time that is looked back, 1s to 1h. A call leaves it at most a tenth early. An edited rule keeps the calls that its window still covers, and a rule that was off starts without any. Set exactly one of window and calls.
       */
      window?: string;
      /**
       * Calls that are looked back, the last ones that ended. Set exactly one of window and calls.
       */
      calls?: number;
      /**
       * Calls that must have ended within the window before it counts. Default 10.
       */
      minimumCalls: number;
    };
  };
  /**
   * What counts as a failure; whatever is left out is ignored. ServerError is any answer with 5xx, Overloaded the provider's own word for it, Timeout one of the agent's timeouts, Connection a connection that fails or breaks, InvalidResponse an answer that is not the protocol, RateLimited an answer 429. Default ServerError, Overloaded, Timeout, Connection, InvalidResponse.
   *
   * @minItems 1
   * @maxItems 6
   *
   * Items: Class of failures.
   */
  failureOn: (
    'ServerError' | 'Overloaded' | 'Timeout' | 'Connection' | 'InvalidResponse' | 'RateLimited'
  )[];
  /**
   * Least time for which an open circuit rejects calls before it lets a probe through. Each pod lengthens it by up to 10 s, and at most doubles it, so that pods do not probe in the same second; status shows the true time. It grows only where maxOpenDuration is longer. Default 20s.
   */
  openDuration: string;
  /**
   * Longest that openDuration grows to, before pods lengthen it. It doubles with each probe that fails, and halves again for each openDuration that the circuit stays closed. When absent, openDuration does not grow.
   */
  maxOpenDuration?: string;
  /**
   * How a circuit closes again. A probe succeeds when its answer has ended, or after 10 s of steady tokens. One probe that fails, or breaks off before that, reopens the circuit. Without requests the circuit stays half-open.
   */
  halfOpen: {
    /**
     * Probes at a time while half-open. A further probe may start after the first token of the one before, and each probe that succeeds adds one, both up to as many as are still needed. Default 1.
     */
    maxProbes: number;
    /**
     * Probes that must succeed in a row to close the circuit. Default 2.
     */
    successThreshold: number;
    /**
     * Longest that a request waits for the outcome of the probes while the circuit is half-open and no other endpoint can serve it, within its own deadline. As many requests wait as spec.bulkhead.maxQueued of the agent says. 0s refuses them at once. Default 10s.
     */
    queueTimeout: string;
  };
  /**
   * What happens after a circuit has closed again.
   */
  recovery: {
    /**
     * Time over which a circuit that has closed admits 10, 25, 50 and then 100 percent of the calls, so that a dependency that recovers is not swamped; one call at a time always passes. Default 0s, all at once.
     */
    rampUp: string;
  };
  /**
   * Shadow decides and counts as Enforce does, and rejects nothing, to try figures on real traffic. Default Enforce.
   */
  mode: 'Enforce' | 'Shadow';
  /**
   * Holds every circuit of the policy in a state, whatever its calls do, such as during maintenance of the provider.
   */
  override?: {
    /**
     * Open rejects every call, Closed lets every call pass.
     */
    state: 'Open' | 'Closed';
    /**
     * Why, for status and Events.
     */
    reason?: string;
    /**
     * When it ends, RFC 3339, such as 2026-12-01T02:00:00Z. Pods see to that themselves. After Open, probes are let through first. When absent, it lasts until it is removed.
     */
    expiresAt?: string;
  };
  /**
   * Any text. Changing it, or adding it to a policy that is in force, closes every circuit of the policy once, forgets its failures and opens the gates of its dependencies. A token that a pod or a policy starts with resets nothing. status.lastHandledResetToken shows when every connected pod did it.
   */
  resetToken?: string;
  /**
   * Where state is kept. Pod means that each pod has circuits of its own. Fleet means that the pods of an agent share one more circuit above those of each pod: it opens when the figures of all pods together meet a rule of trip and a quorum of pods sees it, one pod probes for all, and it closes pod by pod over recovery.rampUp. Default Pod.
   */
  scope: 'Pod' | 'Fleet';
  /**
   * How the pods of an agent decide together. Only with scope Fleet.
   */
  fleet?: {
    /**
     * Share of the pods with calls that must see failures, or slow calls, before the fleet opens, 1 to 100; never fewer than two pods, so that one pod's bad network never opens the rest. Default 50.
     */
    quorum: number;
    /**
     * Removed in 0.2.0 and ignored. It is a constant now, see docs/reference/constants.md.
     */
    hintLifetime?: number | string;
  };
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
   * Circuits of the policy, one for each agent and dependency, with the worst state in any pod. Where an endpoint serves several models, each model whose circuit is not closed has an entry of its own.
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
     * Model that the circuit judges, where the endpoint serves several. Absent means all models that no other entry names.
     */
    model?: string;
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
     * The circuit that all pods share. Absent with scope Pod, and while no pod reports.
     */
    fleet?: {
      /**
       * Probing means that one pod probes. Closing means that the probes have succeeded and pods are let go one after the other.
       */
      state: 'Closed' | 'Open' | 'Probing' | 'Closing';
      /**
       * When the fleet entered that state.
       */
      since: string;
      /**
       * Pods that see failures, or slow calls, out of the pods that had calls, such as 2/3; while the fleet is not closed, those that opened it.
       */
      votes: string;
      /**
       * Name of the pod that probes.
       */
      probing?: string;
      /**
       * When a pod probes next; only while open.
       */
      nextProbe?: string;
      /**
       * Why it is in that state.
       */
      reason?: string;
    };
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
     * Model that the circuit judges, where the endpoint serves several.
     */
    model?: string;
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
   * The resetToken that every connected pod has handled.
   */
  lastHandledResetToken?: string;
  /**
   * Figures for kubectl's columns.
   */
  summary?: {
    /**
     * Pods with an open circuit out of all pods, such as 1/3.
     */
    open?: string;
    /**
     * Worst state of the circuits that all pods share, as circuits[].fleet.state has it. Absent with scope Pod.
     */
    fleet?: string;
    /**
     * Votes of that circuit, such as 2/3. Absent with scope Pod.
     */
    votes?: string;
    /**
     * Pod that probes for the fleet; absent while none does.
     */
    probing?: string;
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
     * What is counted. Tokens are reserved before a request by an estimate, and settled by the usage that the model reports; a request that used more than was left makes later ones wait. A client that disconnects is charged for the input that it reserved and the output that it got. Default Requests.
     */
    resource: 'Requests' | 'InputTokens' | 'OutputTokens' | 'TotalTokens';
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
    /**
     * Gives each value of it a bucket of its own. When absent, all requests share one bucket.
     */
    key?: {
      /**
       * Client: each client that auth of the AgentDeployment knows has a bucket of its own. With auth None all share one. Header: each value of header has one. Default Header where header is set.
       */
      type?: 'Client' | 'Header';
      /**
       * Renamed in 0.2.0. Use spec.limits[].key.type Client.
       */
      principal?: true;
      /**
       * Request header whose value is the key, such as x-user-id. Requests without it share a bucket.
       */
      header?: string;
    };
    /**
     * Buckets that a pod keeps at most when key is set. Only full ones are dropped for others; further keys share one bucket beyond that. With fleet.store Redis, the buckets that its requests hold at a time. Default 10000.
     */
    maxKeys: number;
    /**
     * Reject answers 429 at once, Queue lets a request wait up to maxWait for its turn. A request whose turn cannot come in that time is answered at once. The agent's bulkhead.maxQueued bounds the queue; with a key, the keys share it fairly. Default Reject.
     */
    onLimit: 'Reject' | 'Queue';
    /**
     * Longest wait when onLimit is Queue. With scope Fleet also of a request that waits for an answer of the leader or of Redis, whatever onLimit says. Default 2s.
     */
    maxWait: string;
  }[];
  /**
   * Where state is kept, to be chosen on purpose, so there is no default. Pod means that each pod has buckets of its own, so an agent with 3 pods takes 3 times the limit. Fleet means that all pods of an agent share one bucket, of which the operator's leader grants each pod blocks as it needs them; onLimit Reject then waits up to maxWait for the leader's answer. Limits with a key need fleet.store Redis.
   */
  scope: 'Pod' | 'Fleet';
  /**
   * How pods share the limits when scope is Fleet.
   */
  fleet?: {
    /**
     * Who keeps the buckets of limits with a key. Redis is the one of the agent's spec.redis, and each request asks it once. Limits without a key are kept by the leader all the same. Leader keeps no buckets for keys. Default Leader.
     */
    store: 'Leader' | 'Redis';
    /**
     * Longest wait for an answer of Redis. Without one, withoutLeader decides at once, until Redis answers again. Policies of one agent share the shortest. Default 250ms.
     */
    storeTimeout: string;
    /**
     * What a pod does that has no link to the leader, once its block is used up, and for each key while Redis does not answer. SafeShare gives it the limit divided by the most pods that the agent can have; the limit holds. Deny rejects; the limit holds, and the leader withholds nothing from other pods. Allow admits everything; the limit does not hold. Default SafeShare, also when fleet is absent.
     */
    withoutLeader: 'SafeShare' | 'Deny' | 'Allow';
  };
  /**
   * Other figures for limits of the policy, such as a lower rate while the load is high. It is beside limits so that a tool which applies the policy's manifest again leaves it alone.
   */
  override?: {
    /**
     * The limits with other figures, by name. A name that no limit of the policy has changes nothing.
     *
     * @minItems 1
     * @maxItems 16
     */
    limits: {
      /**
       * Name of the limit.
       */
      name: string;
      /**
       * How fast the bucket fills meanwhile.
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
       * Most that the bucket holds meanwhile. When absent, that of the limit. A bucket keeps its level, cut to it.
       */
      capacity?: number;
    }[];
    /**
     * Why, for status and Events.
     */
    reason?: string;
    /**
     * When it ends, RFC 3339, such as 2026-12-01T02:00:00Z. Pods see to that themselves, and so does the leader for limits of the fleet. When absent, it lasts until it is removed.
     */
    expiresAt?: string;
  };
  /**
   * Shadow decides and counts as Enforce does, and rejects nothing, to try figures on real traffic. A request that Enforce would queue and serve counts as served. Default Enforce.
   */
  mode: 'Enforce' | 'Shadow';
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
     * How much of the capacity is used, 0 to 100; with scope Pod in the fullest pod.
     */
    usedPercent?: number;
    /**
     * Requests rejected since the pods started.
     */
    rejected?: number;
  }[];
  /**
   * What the leader grants when scope is Fleet.
   */
  fleet?: {
    /**
     * Tokens granted to pods since the leader began, of all limits.
     */
    granted?: number;
    /**
     * Tokens that pods hold and have not used, at most.
     */
    held?: number;
    /**
     * Pods that the leader grants tokens out of all pods, such as 3/3. It withholds the safe share of the others.
     */
    pods?: string;
    /**
     * Name of the operator's pod that leads.
     */
    leader?: string;
  };
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
    /**
     * What the policy is for, in short.
     */
    target?: string;
    /**
     * Which limits are used up, or why the policy is in force nowhere.
     */
    reason?: string;
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
