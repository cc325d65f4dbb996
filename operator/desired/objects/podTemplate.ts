import { InvalidSpecError } from '../common/errors.ts';
import { labels, type Named } from '../common/metadata.ts';
import type { Mesh } from './mesh.ts';
import type { Container, PodTemplate } from './objects.ts';
import type { PodChoices } from './podChoices.ts';
import { RUNTIME_CONTAINER, buildRuntimeTemplate, type RuntimeImage } from './runtimeTemplate.ts';
import { strategicMerge, type Json } from './strategicMerge.ts';

const FIELDS = ['metadata', 'spec'];

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
  checkFields(patch);
  const generated = buildRuntimeTemplate(agent, choices, runtime, mesh);
  const merged = strategicMerge(generated as unknown as Json, patch) as unknown as PodTemplate;
  checkRuntime(merged);
  return {
    ...merged,
    metadata: { ...merged.metadata, labels: { ...merged.metadata.labels, ...labels(agent) } },
  };
}

/** The runtime's container, which a template always has. */
export function runtimeContainer(template: PodTemplate): Container {
  return template.spec.containers.find(({ name }) => name === RUNTIME_CONTAINER)!;
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

function invalid(message: string): InvalidSpecError {
  return new InvalidSpecError('InvalidPodTemplate', message);
}
