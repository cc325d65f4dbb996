import { DRAIN_COMMAND, MOUNTS, PORTS, PROGRAM_PATHS } from '../../../contract/link.ts';
import { InvalidSpecError } from '../common/errors.ts';
import { configMapName, type Named } from '../common/metadata.ts';
import type { Mesh } from './mesh.ts';
import type { Container, PodTemplate, Volume } from './objects.ts';
import type { PodChoices, ProgramChoices } from './podChoices.ts';
import { buildProbes, type Probe } from './probes.ts';

/** Name of the program's container, for podTemplate and kubectl logs. */
export const PROGRAM_CONTAINER = 'program';

/** Another user than the runtime's. */
const USER = 65533;
const HOST = '127.0.0.1';
const LOCAL_API = `http://${HOST}:${PORTS.program}`;
const TMP = 'program-tmp';

/** A program that has not answered for this long is restarted. */
export const PROGRAM_SILENCE = { periodSeconds: 10, failureThreshold: 6 } as const;

/** The kubelet kills a silent program this many seconds after SIGTERM. No request waits for it. */
export const SILENT_GRACE_SECONDS = 10;

/** Where an Istio sidecar blocks the kubelet's request, the time in which a pod usually has no request left. */
export const MESH_DRAIN_SECONDS = 5;

/** The container of the program, which has no mount but its own /tmp. */
export function programContainer(
  agent: Named,
  { program, probes }: PodChoices & { program: ProgramChoices },
  mesh: Mesh | undefined,
): Container {
  const { image, port, env = [], resources } = program;
  return {
    name: PROGRAM_CONTAINER,
    image,
    env: [
      ...env.map(({ name, value, secretKeyRef }) =>
        secretKeyRef ? { name, valueFrom: { secretKeyRef } } : { name, value },
      ),
      ...ownVariables(agent, port, program.collector, new Set(env.map(({ name }) => name))),
    ],
    resources: withDefaults(resources),
    securityContext: {
      runAsUser: USER,
      runAsGroup: USER,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...programProbes({ probes }),
    // The last lines of a crash name its error. The kubelet keeps them in the pod.
    terminationMessagePolicy: 'FallbackToLogsOnError',
    lifecycle: {
      preStop:
        mesh === 'IstioSidecar'
          ? { sleep: { seconds: MESH_DRAIN_SECONDS } }
          : { httpGet: { path: PROGRAM_PATHS.drained, port: PORTS.metrics } },
    },
    volumeMounts: [{ name: TMP, mountPath: '/tmp' }],
  };
}

export const PROGRAM_VOLUME: Volume = { name: TMP, emptyDir: {} };

/** Added to the runtime's container. Hooks of all containers run at once, before the program gets its SIGTERM. */
export const RUNTIME_HOOK = { lifecycle: { preStop: { exec: { command: [...DRAIN_COMMAND] } } } };

/** OTEL_* are a program's own where it sets them. */
function ownVariables(
  agent: Named,
  port: number,
  collector: string | undefined,
  set: ReadonlySet<string>,
): Record<string, unknown>[] {
  const token = {
    valueFrom: { configMapKeyRef: { name: configMapName(agent), key: MOUNTS.programTokenKey } },
  };
  const { namespace, name } = agent.metadata;
  return [
    { name: 'PORT', value: String(port) },
    { name: 'HOST', value: HOST },
    { name: 'BREAKWATER_URL', value: LOCAL_API },
    { name: 'BREAKWATER_TOKEN', ...token },
    { name: 'ANTHROPIC_BASE_URL', value: LOCAL_API },
    { name: 'ANTHROPIC_API_KEY', ...token },
    { name: 'OTEL_SERVICE_NAME', value: name },
    { name: 'OTEL_RESOURCE_ATTRIBUTES', value: `k8s.namespace.name=${namespace}` },
    ...(collector === undefined ? [] : [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: collector }]),
  ].filter((variable) => !set.has(variable.name));
}

/** The runtime asks the program over 127.0.0.1, so that a program that hangs is restarted alone. */
function programProbes(choices: Pick<PodChoices, 'probes'>): Record<string, object> {
  const { startupProbe, livenessProbe, readinessProbe } = buildProbes(choices);
  const httpGet = { path: PROGRAM_PATHS.live, port: PORTS.metrics };
  const { timeoutSeconds } = livenessProbe;
  const asked = (probe: Probe): object => ({ ...probe, httpGet });
  return {
    startupProbe: asked(startupProbe),
    livenessProbe: {
      httpGet,
      ...PROGRAM_SILENCE,
      timeoutSeconds,
      terminationGracePeriodSeconds: SILENT_GRACE_SECONDS,
    },
    readinessProbe: asked(readinessProbe),
  };
}

const DEFAULTS = {
  cpu: { requests: '250m', limits: '1' },
  memory: { requests: '256Mi', limits: '512Mi' },
} as const;

type Resources = ProgramChoices['resources'];

/** Sets both of cpu and of memory where the user sets neither: a default could contradict what the user sets. */
function withDefaults({ requests = {}, limits = {} }: Resources): Required<Resources> {
  const absent = Object.entries(DEFAULTS).filter(
    ([name]) => requests[name] === undefined && limits[name] === undefined,
  );
  const added = (kind: 'requests' | 'limits'): Record<string, string> =>
    Object.fromEntries(absent.map(([name, values]) => [name, values[kind]]));
  return {
    requests: { ...added('requests'), ...requests },
    limits: { ...added('limits'), ...limits },
  };
}

/**
 * Makes the runtime a sidecar, which starts before the program and ends after it. It is the last of the init containers, so
 * that those of the user end or start first.
 */
export function asSidecar(template: PodTemplate, runtime: string): PodTemplate {
  const { containers, initContainers = [] } = template.spec;
  return {
    ...template,
    spec: {
      ...template.spec,
      initContainers: [
        ...initContainers,
        ...containers
          .filter(({ name }) => name === runtime)
          .map((container) => ({ ...container, restartPolicy: 'Always' })),
      ],
      containers: containers.filter(({ name }) => name !== runtime),
    },
  };
}

/**
 * Keys and configuration are the runtime's alone: refuses what spec.podTemplate would give of them to other containers.
 *
 * @param own volumes of the runtime
 * @throws InvalidSpecError (InvalidPodTemplate) that says what to remove
 */
export function checkIsolation(
  { spec }: PodTemplate,
  { apiKeys, program }: PodChoices & { program: ProgramChoices },
  { own, runtime }: { own: ReadonlySet<string>; runtime: string },
): void {
  for (const field of ['shareProcessNamespace', 'hostPID', 'hostNetwork']) {
    if (spec[field] === true) {
      throw refused(
        `spec.podTemplate.spec.${field} would let the program reach what only the runtime has; remove it`,
      );
    }
  }
  const keys = new Set(apiKeys.map(({ secret }) => secret.name));
  const named = new Map(spec.volumes.map((volume) => [volume.name, secretsOf(volume)]));
  for (const list of ['containers', 'initContainers'] as const) {
    for (const container of (spec[list] ?? []).filter(({ name }) => name !== runtime)) {
      const path = `spec.podTemplate.spec.${list}[${container.name}]`;
      checkMounts(container, { path, own, keys, named });
      const secret = secretsOf({ env: container['env'], envFrom: container['envFrom'] }).find(
        (name) => keys.has(name),
      );
      if (secret !== undefined) {
        throw refused(
          `${path} has a variable of Secret ${secret}, which is the API key of an endpoint and for the runtime alone; remove it`,
        );
      }
    }
  }
  const { image } = spec.containers.find(({ name }) => name === PROGRAM_CONTAINER) ?? {};
  if (image !== program.image) {
    throw refused(
      `spec.podTemplate.spec.containers[${PROGRAM_CONTAINER}] changes or removes the image of the program; set spec.program.image instead`,
    );
  }
}

interface Mounting {
  path: string;
  own: ReadonlySet<string>;
  keys: ReadonlySet<string>;
  named: ReadonlyMap<string, string[]>;
}

function checkMounts(container: Container, { path, own, keys, named }: Mounting): void {
  for (const { name } of (container['volumeMounts'] ?? []) as { name: string }[]) {
    const secret = named.get(name)?.find((each) => keys.has(each));
    if (own.has(name) || secret !== undefined) {
      throw refused(
        `${path} mounts volume ${name}, which has ${secret === undefined ? 'what only the runtime may have' : `Secret ${secret}, the API key of an endpoint`}; remove the mount`,
      );
    }
  }
}

/** Names of the Secrets in a volume or in variables, at any depth. */
function secretsOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(secretsOf);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    const { secretName, name } = (inner ?? {}) as { secretName?: string; name?: string };
    const found = /^secret(Ref|KeyRef)?$/.test(field) ? [secretName ?? name] : [];
    return [...found.filter((each) => each !== undefined), ...secretsOf(inner)];
  });
}

function refused(message: string): InvalidSpecError {
  return new InvalidSpecError('InvalidPodTemplate', message);
}
