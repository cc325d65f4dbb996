import { CONTROL_AUDIENCE, MOUNTS, PORTS } from '../../contract/link.ts';
import type { AgentDeployment } from '../../crds/generated/types.ts';
import { callersVolume } from './auth.ts';
import {
  credentialDirectory,
  drainTimeout,
  ENDPOINT_LAG_MS,
  handlerTimeout,
} from './configuration.ts';
import { configMapName } from './configMap.ts';
import { promptVolume } from './conversation.ts';
import { labels } from './metadata.ts';
import type { Container, PodTemplate, Volume } from './objects.ts';
import { probes } from './probes.ts';
import { secretMounts } from './secretHeaders.ts';

/** Name of the runtime's container, for podTemplate and kubectl logs. */
export const RUNTIME_CONTAINER = 'agent';

const USER = 65532;
const TOKEN_SECONDS = 3600;
const GRACE_MARGIN_SECONDS = 5;

/** Which runtime to run. */
export interface RuntimeImage {
  image: string;
  pullPolicy?: string;
}

/**
 * The pod template as Breakwater makes it, before the user's podTemplate. Whatever changes it restarts pods, so it
 * depends on nothing but the image, its pull policy, probes, shutdown and the names of Secrets and of ConfigMaps with a
 * prompt.
 */
export function runtimeTemplate(agent: AgentDeployment, runtime: RuntimeImage): PodTemplate {
  const mounts = [
    ...credentialsOf(agent),
    ...secretsOf(agent),
    ...promptOf(agent),
    ...callersOf(agent),
  ];
  return {
    metadata: {
      labels: labels(agent),
      annotations: { 'kubectl.kubernetes.io/default-container': RUNTIME_CONTAINER },
    },
    spec: {
      serviceAccountName: agent.metadata.name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: gracePeriodSeconds(agent),
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      containers: [container(agent, runtime, mounts)],
      volumes: [
        { name: 'configuration', configMap: { name: configMapName(agent) } },
        {
          name: 'control-token',
          projected: { sources: [{ serviceAccountToken: controlToken() }] },
        },
        { name: 'tmp', emptyDir: {} },
        ...mounts.map(({ volume }) => volume),
      ],
    },
  };
}

/** The endpoint lag, the drain, the handlers and a margin, in whole seconds. */
function gracePeriodSeconds(agent: AgentDeployment): number {
  const ms = ENDPOINT_LAG_MS + drainTimeout(agent) + handlerTimeout(agent);
  return Math.ceil(ms / 1000) + GRACE_MARGIN_SECONDS;
}

function controlToken(): Record<string, unknown> {
  return { audience: CONTROL_AUDIENCE, expirationSeconds: TOKEN_SECONDS, path: MOUNTS.tokenKey };
}

interface Mount {
  name: string;
  mountPath: string;
  readOnly?: boolean;
}

interface Mounted {
  volume: Volume;
  mount: Mount;
}

/**
 * One volume for each endpoint with an API key. Optional, so that a Secret which is missing keeps no pod from
 * starting: the runtime reports it, and finds it once it is there.
 */
function credentialsOf(agent: AgentDeployment): Mounted[] {
  return agent.spec.model.endpoints.flatMap((endpoint) => {
    const secret = endpoint.apiKeySecretRef;
    if (secret === undefined) return [];
    const name = `credential-${endpoint.name}`;
    const items = [{ key: secret.key, path: secret.key }];
    return {
      volume: { name, secret: { secretName: secret.name, optional: true, items } },
      mount: { name, mountPath: credentialDirectory(endpoint), readOnly: true },
    };
  });
}

function secretsOf({ spec }: AgentDeployment): Mounted[] {
  const { tools = [], mcpServers = [], conversation } = spec;
  const callers = [...tools.map(({ http }) => http), ...mcpServers];
  const headers = callers.flatMap(({ headersFrom }) => headersFrom ?? []);
  const refs = headers.map(({ secretKeyRef }) => secretKeyRef);
  const password = conversation.store.redis?.passwordSecretRef;
  if (password) refs.push(password);
  return secretMounts(refs).map(({ volume, directory }) => ({
    volume,
    mount: { name: volume.name, mountPath: directory, readOnly: true },
  }));
}

function promptOf({ spec }: AgentDeployment): Mounted[] {
  const volume = promptVolume(spec);
  if (volume === undefined) return [];
  return [{ volume, mount: { name: volume.name, mountPath: MOUNTS.prompt, readOnly: true } }];
}

function callersOf({ spec }: AgentDeployment): Mounted[] {
  const volume = callersVolume(spec);
  if (volume === undefined) return [];
  return [{ volume, mount: { name: volume.name, mountPath: MOUNTS.callers, readOnly: true } }];
}

function container(
  agent: AgentDeployment,
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
    ...probes(agent),
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
