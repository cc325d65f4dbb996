import { CONTROL_AUDIENCE, MOUNTS, PORTS } from '../../../contract/link.ts';
import { MOUNTS_VARIABLE, shutdownName } from '../../../contract/mounts.ts';
import { resolveShutdown } from '../configuration/content.ts';
import { configMapName, labels, type Named } from '../common/metadata.ts';
import { meshAnnotations, type Mesh } from './mesh.ts';
import { auditMount, mountNames, referenceMounts, tokenMounts, type Mounted } from './mounts.ts';
import type { Container, PodTemplate } from './objects.ts';
import type { PodChoices } from './podChoices.ts';
import { buildProbes } from './probes.ts';
import {
  PROGRAM_CONTAINER,
  PROGRAM_VOLUME,
  programContainer,
  RUNTIME_HOOK,
} from './programTemplate.ts';

/** Name of the runtime's container, for podTemplate and kubectl logs. */
export const RUNTIME_CONTAINER = 'agent';

const USER = 65532;
const TOKEN_SECONDS = 3600;
const GRACE_MARGIN_SECONDS = 5;

export interface RuntimeImage {
  image: string;
  pullPolicy?: string;
}

/** Breakwater's pod template, before the user's podTemplate is merged. Every change of it restarts pods. */
export function buildRuntimeTemplate(
  agent: Named,
  choices: PodChoices,
  runtime: RuntimeImage,
  mesh: Mesh | undefined,
): PodTemplate {
  const mounts = [...referenceMounts(choices), ...tokenMounts(choices), ...auditMount(choices)];
  const { program } = choices;
  const own = container(choices, runtime, mounts);
  return {
    metadata: {
      labels: labels(agent),
      annotations: {
        'kubectl.kubernetes.io/default-container': program ? PROGRAM_CONTAINER : RUNTIME_CONTAINER,
        ...meshAnnotations(mesh),
      },
    },
    spec: {
      serviceAccountName: agent.metadata.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: gracePeriodSeconds(choices),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: program
        ? [{ ...own, ...RUNTIME_HOOK }, programContainer(agent, { ...choices, program }, mesh)]
        : [own],
      volumes: [
        { name: 'configuration', configMap: { name: configMapName(agent) } },
        {
          name: 'control-token',
          projected: { sources: [{ serviceAccountToken: controlToken() }] },
        },
        { name: 'tmp', emptyDir: {} },
        ...mounts.map(({ volume }) => volume),
        ...(program ? [PROGRAM_VOLUME] : []),
      ],
    },
  };
}

/** Sum of the endpoint lag, the drain, the handlers, the program's end and a margin, in whole seconds. */
function gracePeriodSeconds(choices: PodChoices): number {
  const times = resolveShutdown(choices);
  const ms = Object.values(times).reduce((sum, time) => sum + time, 0);
  return Math.ceil(ms / 1000) + GRACE_MARGIN_SECONDS;
}

function controlToken(): Record<string, unknown> {
  return { audience: CONTROL_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: MOUNTS.tokenKey };
}

function container(
  choices: PodChoices,
  { image, pullPolicy }: RuntimeImage,
  mounts: Mounted[],
): Container {
  return {
    name: RUNTIME_CONTAINER,
    image,
    ...(pullPolicy === undefined ? {} : { imagePullPolicy: pullPolicy }),
    ports: [
      { name: 'agent', containerPort: PORTS.agent, protocol: 'TCP' },
      { name: 'metrics', containerPort: PORTS.metrics, protocol: 'TCP' },
      { name: 'control', containerPort: PORTS.control, protocol: 'TCP' },
    ],
    env: [
      fieldEnv('POD_NAME', 'metadata.name'),
      fieldEnv('POD_NAMESPACE', 'metadata.namespace'),
      fieldEnv('POD_UID', 'metadata.uid'),
      fieldEnv('POD_IP', 'status.podIP'),
      {
        name: MOUNTS_VARIABLE,
        value: [shutdownName(resolveShutdown(choices)), ...mountNames(mounts)].join(','),
      },
    ],
    resources: {
      requests: { cpu: '250m', memory: '256Mi' },
      limits: { cpu: '500m', memory: '512Mi' },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    ...buildProbes(choices),
    volumeMounts: [
      { name: 'configuration', mountPath: MOUNTS.configuration, readOnly: true },
      { name: 'control-token', mountPath: MOUNTS.token, readOnly: true },
      { name: 'tmp', mountPath: '/tmp' },
      ...mounts.map(({ mount }) => mount),
    ],
  };
}

function fieldEnv(name: string, fieldPath: string): Record<string, unknown> {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
