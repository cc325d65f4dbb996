import { SECRET_NAMES } from '../../../crds/generated/secretNames.ts';

/** What runs an image. */
export type ImageUse = 'Runtime' | 'Sidecar' | 'Program';

/** Rule for one place of a tenant's manifest. */
export type Rule =
  /** Anything. */
  | { kind: 'Any' }
  /** An object. Unless it is open, it has these fields and no other. */
  | { kind: 'Object'; fields: Record<string, Rule>; open: boolean }
  /** A list; named elements can have their own rule. */
  | { kind: 'List'; element: Rule; named: Record<string, Rule> }
  /** Any keys and values, except for keys with these prefixes. */
  | { kind: 'Map'; refused: readonly string[] }
  | { kind: 'OneOf'; values: readonly (string | boolean)[] }
  | { kind: 'AtLeast'; minimum: number }
  | { kind: 'Matches'; pattern: string }
  /** A text that does not match. */
  | { kind: 'Differs'; pattern: string }
  /** An image of the runtime, of a container beside it, or of the agent's program. */
  | { kind: 'Image'; of: ImageUse }
  /** Name of a Secret. */
  | { kind: 'Secret' }
  /** An identity at a cloud. */
  | { kind: 'Identity' };

const ANY: Rule = { kind: 'Any' };
const object = (fields: Record<string, Rule>): Rule => ({ kind: 'Object', fields, open: false });
const open = (fields: Record<string, Rule>): Rule => ({ kind: 'Object', fields, open: true });
const list = (element: Rule, named: Record<string, Rule> = {}): Rule => ({
  kind: 'List',
  element,
  named,
});
const oneOf = (...values: (string | boolean)[]): Rule => ({ kind: 'OneOf', values });
const all = (...names: string[]): Record<string, Rule> =>
  Object.fromEntries(names.map((name) => [name, ANY]));

/** For a sidecar: only fields that remove rights. The operator makes the runtime's. */
const SECURITY_CONTEXT = object({
  allowPrivilegeEscalation: oneOf(false),
  privileged: oneOf(false),
  readOnlyRootFilesystem: oneOf(true),
  runAsNonRoot: oneOf(true),
  runAsUser: { kind: 'AtLeast', minimum: 1 },
  runAsGroup: { kind: 'AtLeast', minimum: 1 },
  capabilities: object(all('drop')),
  seccompProfile: object({ type: oneOf('RuntimeDefault') }),
});

/** Without `host`: the kubelet would connect to it in the name of the node. */
const PROBE = object({
  ...all('initialDelaySeconds', 'periodSeconds', 'timeoutSeconds'),
  ...all('successThreshold', 'failureThreshold', 'exec', 'grpc'),
  httpGet: object(all('path', 'port', 'scheme', 'httpHeaders')),
  tcpSocket: object(all('port')),
});

/** Without `claims`, which give a container devices. */
const RESOURCES = object(all('requests', 'limits'));

/**
 * Names of the operator's own volumes. A tenant's volume of such a name would replace the authority that the runtime trusts,
 * and a sidecar that mounts one would read the agent's Secrets and its control token.
 */
export const OPERATOR_VOLUMES =
  '^((configuration|control-token|tmp|prompt|trusted-ca|callers|audit)$|credential-|header-|identity-)';
const OWN_VOLUME: Rule = { kind: 'Differs', pattern: OPERATOR_VOLUMES };

/**
 * Variables of the runtime's container. None makes Node.js or the loader run other code, or trust other authorities:
 * spec.trustedCA is the place for those.
 */
const VARIABLES =
  '^(OTEL_[A-Z0-9_]+|BREAKWATER_(AGENT|METRICS|CONTROL|DEBUG)_PORT|LOG_LEVEL|TZ|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$';

/** Without `volumeMounts`: a file over the runtime's code, Node.js or /etc/ld.so.preload would run in its place. */
const RUNTIME = object({
  name: ANY,
  resources: RESOURCES,
  image: { kind: 'Image', of: 'Runtime' },
  env: list(object({ name: { kind: 'Matches', pattern: VARIABLES }, value: ANY })),
});

const SIDECAR_FIELDS: Record<string, Rule> = {
  ...all('name', 'imagePullPolicy', 'command', 'args', 'workingDir'),
  resources: RESOURCES,
  image: { kind: 'Image', of: 'Sidecar' },
  env: list(object(all('name', 'value'))),
  ports: list(object(all('name', 'containerPort', 'protocol'))),
  volumeMounts: list(object({ ...all('mountPath', 'subPath', 'readOnly'), name: OWN_VOLUME })),
  securityContext: SECURITY_CONTEXT,
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  startupProbe: PROBE,
};

/**
 * Beginnings of annotations that weaken the isolation of a pod, or by which webhooks and runtimes that many clusters have
 * put code, images, volumes or networks into it.
 */
const ANNOTATIONS = [
  'container.apparmor.security.beta.kubernetes.io/',
  'container.seccomp.security.alpha.kubernetes.io/',
  'seccomp.security.alpha.kubernetes.io/',
  'seccomp-profile.kubernetes.cri-o.io',
  'io.kubernetes.cri-o.',
  'io.katacontainers.',
  'cdi.k8s.io/',
  'k8s.v1.cni.cncf.io/',
  'instrumentation.opentelemetry.io/',
  'sidecar.opentelemetry.io/',
  'inject.istio.io/',
  'sidecar.istio.io/bootstrapOverride',
  'sidecar.istio.io/proxyImage',
  'sidecar.istio.io/userVolume',
  'config.linkerd.io/proxy-image',
  'config.linkerd.io/init-image',
  'vault.hashicorp.com/',
  'dapr.io/',
];

const POD_TEMPLATE = object({
  metadata: object({
    labels: ANY,
    annotations: { kind: 'Map', refused: ANNOTATIONS },
  }),
  spec: object({
    ...all('nodeSelector', 'tolerations', 'affinity', 'topologySpreadConstraints'),
    imagePullSecrets: list(object({ name: { kind: 'Secret' } })),
    containers: list(object(SIDECAR_FIELDS), { agent: RUNTIME }),
    initContainers: list(object({ ...SIDECAR_FIELDS, restartPolicy: oneOf('Always') })),
    volumes: list(object({ ...all('emptyDir', 'configMap'), name: OWN_VOLUME })),
  }),
});

/** The part of an agent's spec that tenancy.podTemplate Restricted allows. */
export const RESTRICTED: Rule = open({
  image: { kind: 'Image', of: 'Runtime' },
  program: open({ image: { kind: 'Image', of: 'Program' } }),
  podTemplate: POD_TEMPLATE,
});

/** Every identity that a spec names. */
export const IDENTITIES: Rule = open({
  model: open({ endpoints: list(open({ identity: { kind: 'Identity' } })) }),
});

/** Every Secret that a spec names outside of podTemplate, by the definition's schema. */
export const NAMED_SECRETS: Rule = tree(SECRET_NAMES.map((path) => path.split('.')));

/** Paths such as [model, endpoints[], apiKeySecretRef, name] as one rule. */
function tree(paths: readonly string[][]): Rule {
  if (paths.every(([first]) => first === undefined)) return { kind: 'Secret' };
  const groups = Map.groupBy(paths, ([first]) => first!);
  const fields = [...groups].map(([step, below]): [string, Rule] => {
    const rule = tree(below.map((path) => path.slice(1)));
    return step.endsWith('[]') ? [step.slice(0, -2), list(rule)] : [step, rule];
  });
  return open(Object.fromEntries(fields));
}
