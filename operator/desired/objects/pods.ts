import { hash } from 'node:crypto';
import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { Mesh } from './mesh.ts';
import type { PodTemplate } from './objects.ts';
import { podChoices, type PodChoices } from './podChoices.ts';
import { buildPodTemplate, runtimeContainer } from './podTemplate.ts';
import type { RuntimeImage } from './runtimeTemplate.ts';

/** Hash of the operator's pod template. */
export const TEMPLATE_ANNOTATION = 'breakwater.dev/template';
/** Hash of the template's PodChoices. */
export const CHOICES_ANNOTATION = 'breakwater.dev/pod-choices';

/** Defaults for agents that do not set these fields. */
export interface RuntimeOptions {
  /** Image of the runtime for agents without spec.image. */
  runtimeImage: string;
  /** Pull policy of runtimeImage. Default: that of the API server. */
  runtimeImagePullPolicy?: string;
  /** The service mesh of the pods. Absent: none, or one that needs no settings. */
  mesh?: Mesh;
}

/** An agent's Deployment in the cluster. */
export interface LiveDeployment {
  metadata: { generation?: number; annotations?: Record<string, string> };
  spec: { replicas?: number; template: object };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    updatedReplicas?: number;
    availableReplicas?: number;
    conditions?: { type: string; status: string; reason?: string }[];
  };
}

/**
 * How an agent's new pods differ from its current ones. None: they are the same, or it has no pods.
 * RollingOut: the template is applied, and its pods are starting. Edit: the user changed the template. Upgrade: a new version
 * of the operator changed it, because the user's choices are unchanged or were never recorded.
 */
export type PodChange = 'None' | 'RollingOut' | 'Edit' | 'Upgrade';

/** The pods that result from the spec and the operator's options. */
export interface Pods {
  template: PodTemplate;
  change: PodChange;
  /** Annotations for the Deployment with this template. */
  annotations: Record<string, string>;
}

/** Throws an InvalidSpecError when spec.podTemplate does not fit. */
export function planPods(
  agent: AgentDeployment,
  options: RuntimeOptions,
  live: LiveDeployment | undefined,
): Pods {
  const choices = podChoices(agent);
  const image = runtimeImage(choices, options, live);
  const template = buildPodTemplate(agent, choices, image, options.mesh);
  const annotations = {
    [TEMPLATE_ANNOTATION]: hashOf(template),
    [CHOICES_ANNOTATION]: hashOf(choices),
  };
  return { template, annotations, change: changeOf(annotations, live) };
}

/** The spec's image, else the operator's own; with runtimeUpgrade Manual, that of the current pods. */
export function runtimeImage(
  { image, imagePullPolicy, runtimeUpgrade }: PodChoices,
  options: RuntimeOptions,
  live: LiveDeployment | undefined,
): RuntimeImage {
  if (image !== undefined) return withPolicy(image, imagePullPolicy);
  const kept = runtimeUpgrade === 'Manual' && live ? runtimeContainer(templateOf(live)) : undefined;
  const usual = options.runtimeImagePullPolicy;
  if (kept?.image === undefined) return withPolicy(options.runtimeImage, imagePullPolicy ?? usual);
  const keptPolicy = usual === undefined ? undefined : (kept['imagePullPolicy'] as string);
  return withPolicy(kept.image, imagePullPolicy ?? keptPolicy ?? usual);
}

/** The template of a Deployment that the operator made. */
export function templateOf({ spec }: LiveDeployment): PodTemplate {
  return spec.template as PodTemplate;
}

function withPolicy(image: string, pullPolicy: string | undefined): RuntimeImage {
  return pullPolicy === undefined ? { image } : { image, pullPolicy };
}

function changeOf(planned: Record<string, string>, live: LiveDeployment | undefined): PodChange {
  if (live === undefined) return 'None';
  const recorded = live.metadata.annotations ?? {};
  if (recorded[TEMPLATE_ANNOTATION] === planned[TEMPLATE_ANNOTATION]) {
    return isComplete(live) ? 'None' : 'RollingOut';
  }
  const choices = recorded[CHOICES_ANNOTATION] ?? planned[CHOICES_ANNOTATION];
  return choices === planned[CHOICES_ANNOTATION] ? 'Upgrade' : 'Edit';
}

/** Whether all pods have the current template and are available, as for `kubectl rollout status`. */
function isComplete({ metadata, spec, status }: LiveDeployment): boolean {
  const counts = {
    observedGeneration: 0,
    replicas: 0,
    updatedReplicas: 0,
    availableReplicas: 0,
    ...status,
  };
  return (
    counts.observedGeneration >= (metadata.generation ?? 0) &&
    counts.updatedReplicas >= (spec.replicas ?? 1) &&
    counts.replicas <= counts.updatedReplicas &&
    counts.availableReplicas >= counts.updatedReplicas
  );
}

/** Whether at least one pod is available. */
export function isServing({ status }: LiveDeployment): boolean {
  return (status?.availableReplicas ?? 0) > 0;
}

/** Whether the current rollout has made no progress for spec.progressDeadlineSeconds. */
export function isStuck({ metadata, status }: LiveDeployment): boolean {
  const current = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  const progress = status?.conditions?.find(({ type }) => type === 'Progressing');
  return current && progress?.reason === 'ProgressDeadlineExceeded';
}

const hashOf = (value: unknown): string => hash('sha256', JSON.stringify(value)).slice(0, 16);
