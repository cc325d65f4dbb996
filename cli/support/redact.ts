import type { KubernetesObject } from '../../crds/meta.ts';
import type { Pod } from '../../operator/kube/index.ts';

const LEFT_OUT = '(left out)';

/** Fields at any place that may contain a secret or a prompt. */
const FIELDS = new Set(['podTemplate', 'systemPrompt', 'headers', 'annotations', 'managedFields']);

/**
 * A copy of an agent or a policy without possible secrets: prompts, headers, the pod template, annotations, which may
 * contain an earlier version of these, and users and queries in URLs.
 */
export function redactedObject(object: KubernetesObject): unknown {
  return redacted(object);
}

function redacted(value: unknown): unknown {
  if (typeof value === 'string') return withoutUser(value);
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, each]) => [
      field,
      FIELDS.has(field) ? LEFT_OUT : redacted(each),
    ]),
  );
}

/** Removes user and query from all URLs in the text. */
function withoutUser(text: string): string {
  return text
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s?#]*@/gi, '$1')
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"]+)\?[^\s"#]*/gi, `$1?${LEFT_OUT}`);
}

/** The state of a pod without its spec, such as its environment. */
export function redactedPod({ metadata, spec, status }: Pod): unknown {
  const { name, namespace, labels, creationTimestamp, deletionTimestamp } = metadata;
  const images = spec.containers.map((container) => [container.name, container.image]);
  return {
    metadata: { name, namespace, labels, creationTimestamp, deletionTimestamp },
    spec: { nodeName: spec.nodeName, images: Object.fromEntries(images) as unknown },
    status,
  };
}
