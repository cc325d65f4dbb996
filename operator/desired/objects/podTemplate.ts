import { InvalidSpecError } from '../common/errors.ts';
import { labels, type Named } from '../common/metadata.ts';
import type { Mesh } from './mesh.ts';
import type { Container, PodTemplate } from './objects.ts';
import type { PodChoices } from './podChoices.ts';
import { asSidecar, checkIsolation, PROGRAM_CONTAINER, PROGRAM_VOLUME } from './programTemplate.ts';
import { RUNTIME_CONTAINER, buildRuntimeTemplate, type RuntimeImage } from './runtimeTemplate.ts';
import { strategicMerge, type Json } from './strategicMerge.ts';

const FIELDS = ['metadata', 'spec'];

/** Bounds on spec.podTemplate, so that it holds up no other agent. The API server fails on much deeper objects without end. */
export const POD_TEMPLATE_BOUNDS = { bytes: 128 * 1024, depth: 32 } as const;

/**
 * The agent's pod template: the generated one merged with spec.podTemplate. Users can neither override the operator's labels,
 * by which it finds pods, nor remove the runtime's container.
 *
 * @throws InvalidSpecError (InvalidPodTemplate) that says what to change
 */
export function buildPodTemplate(
  agent: Named,
  choices: PodChoices,
  runtime: RuntimeImage,
  mesh?: Mesh,
): PodTemplate {
  const patch = choices.podTemplate ?? {};
  checkBounds(patch);
  checkFields(patch);
  const generated = buildRuntimeTemplate(agent, choices, runtime, mesh);
  const merged = strategicMerge(generated as unknown as Json, patch) as unknown as PodTemplate;
  checkRuntime(merged);
  const { program } = choices;
  checkContainers(merged.spec, program && PROGRAM_CONTAINER);
  if (program) {
    const own = generated.spec.volumes.filter(({ name }) => name !== PROGRAM_VOLUME.name);
    checkIsolation(
      merged,
      { ...choices, program },
      {
        own: new Set(own.map(({ name }) => name)),
        runtime: RUNTIME_CONTAINER,
      },
    );
  }
  const { spec, metadata } = program ? asSidecar(merged, RUNTIME_CONTAINER) : merged;
  return {
    ...merged,
    spec,
    metadata: { ...metadata, labels: { ...metadata.labels, ...labels(agent) } },
  };
}

/** The runtime's container, which a template always has: among the init containers where there is a program. */
export function runtimeContainer(template: PodTemplate): Container {
  const { containers, initContainers = [] } = template.spec;
  return [...containers, ...initContainers].find(({ name }) => name === RUNTIME_CONTAINER)!;
}

function checkBounds(patch: Json): void {
  const { bytes, depth } = POD_TEMPLATE_BOUNDS;
  let left: number = bytes;
  const check = (value: unknown, levels: number): void => {
    left -= typeof value === 'string' ? Buffer.byteLength(value) + 3 : 2;
    if (typeof value !== 'object' || value === null) return;
    if (levels === 0) {
      throw invalid(`spec.podTemplate is nested more than ${depth} levels deep; flatten it`);
    }
    // Stops at the bound: Object.values of 100,000 members takes 60 ms.
    for (const name in value) {
      left -= Array.isArray(value) ? 0 : Buffer.byteLength(name) + 3;
      check((value as Json)[name], levels - 1);
      if (left < 0) {
        throw invalid(
          `spec.podTemplate has more than ${bytes} bytes; move data to ConfigMaps, and mount them`,
        );
      }
    }
  };
  check(patch, depth);
}

function checkFields(patch: Json): void {
  for (const [field, value] of Object.entries(patch)) {
    if (!FIELDS.includes(field)) {
      throw invalid(
        `spec.podTemplate.${field} is not part of a pod template; use metadata or spec`,
      );
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalid(`spec.podTemplate.${field} must be an object`);
    }
  }
}

function checkRuntime(template: Partial<PodTemplate>): void {
  const containers = template.spec?.containers ?? [];
  // The image stands in status, which takes no other type.
  if (
    containers.some(({ name, image }) => name === RUNTIME_CONTAINER && typeof image !== 'string')
  ) {
    throw invalid(`spec.podTemplate.spec.containers[${RUNTIME_CONTAINER}].image must be a string`);
  }
  if (
    template.metadata === undefined ||
    !containers.some(({ name }) => name === RUNTIME_CONTAINER)
  ) {
    throw invalid(
      `spec.podTemplate removes container ${RUNTIME_CONTAINER}, which is the runtime; change its fields instead`,
    );
  }
}

const CONTAINERS = ['containers', 'initContainers'] as const;
const RESOURCES = ['requests', 'limits'] as const;

/** Says what to change where the API server's own refusal does not. */
function checkContainers(spec: PodTemplate['spec'], program: string | undefined): void {
  for (const list of CONTAINERS) {
    for (const { name, image, resources } of spec[list] ?? []) {
      const path = name === program ? 'spec.program' : `spec.podTemplate.spec.${list}[${name}]`;
      if (image === undefined || image === '') {
        throw invalid(
          `${path}.image is missing; set it. The runtime's container is named ${RUNTIME_CONTAINER}`,
        );
      }
      for (const kind of RESOURCES) checkQuantities(`${path}.resources.${kind}`, resources, kind);
    }
  }
}

/** Bytes as people write them, which are no quantities of Kubernetes: 256MB, 256 Mi, 1gb. */
const BYTES = /^(\d+(?:\.\d+)?) ?([kmgtpe])i?b?$/i;
const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$/;

function checkQuantities(path: string, resources: unknown, kind: string): void {
  const values = (resources as Json | undefined)?.[kind];
  if (typeof values !== 'object' || values === null) return;
  for (const [name, value] of Object.entries(values)) {
    if (typeof value !== 'string' || QUANTITY.test(value)) continue;
    const [, number, unit = ''] = BYTES.exec(value) ?? [];
    const instead = number === undefined ? '256Mi or 500m' : `${number}${unit.toUpperCase()}i`;
    throw invalid(`${path}.${name}: ${value} is not a quantity; write ${instead}`);
  }
}

function invalid(message: string): InvalidSpecError {
  return new InvalidSpecError('InvalidPodTemplate', message);
}
