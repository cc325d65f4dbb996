import { SECRET_NAMES } from '../../../crds/generated/secretNames.ts';

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
  /** An image of the runtime, or of a container beside it. */
  | { kind: 'Image'; of: 'Runtime' | 'Sidecar' }
  /** Name of a Secret. */
  | { kind: 'Secret' };

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

const VOLUME_MOUNTS = list(object(all('name', 'mountPath', 'subPath', 'readOnly')));

/** Variables of the runtime's container, except those by which Node.js or the loader would run other code. */
const VARIABLES =
  '^(OTEL_[A-Z0-9_]+|BREAKWATER_(AGENT|METRICS|CONTROL|DEBUG)_PORT|LOG_LEVEL|TZ|NODE_EXTRA_CA_CERTS|HTTPS?_PROXY|NO_PROXY|https?_proxy|no_proxy)$';

const RUNTIME = object({
  ...all('name', 'resources'),
  image: { kind: 'Image', of: 'Runtime' },
  env: list(object({ name: { kind: 'Matches', pattern: VARIABLES }, value: ANY })),
  volumeMounts: VOLUME_MOUNTS,
});

const SIDECAR_FIELDS: Record<string, Rule> = {
  ...all('name', 'imagePullPolicy', 'command', 'args', 'workingDir', 'resources'),
  image: { kind: 'Image', of: 'Sidecar' },
  env: list(object(all('name', 'value'))),
  ports: list(object(all('name', 'containerPort', 'protocol'))),
  volumeMounts: VOLUME_MOUNTS,
  securityContext: SECURITY_CONTEXT,
  livenessProbe: PROBE,
  readinessProbe: PROBE,
  startupProbe: PROBE,
};

const POD_TEMPLATE = object({
  metadata: object({
    labels: ANY,
    annotations: {
      kind: 'Map',
      refused: [
        'container.apparmor.security.beta.kubernetes.io/',
        'container.seccomp.security.alpha.kubernetes.io/',
        'seccomp.security.alpha.kubernetes.io/',
      ],
    },
  }),
  spec: object({
    ...all('nodeSelector', 'tolerations', 'affinity', 'topologySpreadConstraints'),
    imagePullSecrets: list(object({ name: { kind: 'Secret' } })),
    containers: list(object(SIDECAR_FIELDS), { agent: RUNTIME }),
    initContainers: list(object({ ...SIDECAR_FIELDS, restartPolicy: oneOf('Always') })),
    volumes: list(object(all('name', 'emptyDir', 'configMap'))),
  }),
});

/** The part of an agent's spec that tenancy.podTemplate Restricted allows. */
export const RESTRICTED: Rule = open({
  image: { kind: 'Image', of: 'Runtime' },
  podTemplate: POD_TEMPLATE,
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
