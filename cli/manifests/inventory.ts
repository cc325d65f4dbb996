import type {
  AgentDeployment,
  CircuitBreakerPolicy,
  RateLimitPolicy,
} from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { readObjects, type Written } from './document.ts';
import type { Check } from './kinds.ts';
import type { Path } from './schema.ts';

/** The fields of a Secret or ConfigMap that agents use. */
export interface Keys extends KubernetesObject {
  kind: 'Secret' | 'ConfigMap';
  data?: Record<string, unknown>;
  stringData?: Record<string, unknown>;
}

/** Everything accepted so far. */
export interface Objects {
  agents: AgentDeployment[];
  breakers: CircuitBreakerPolicy[];
  limits: RateLimitPolicy[];
  keys: Keys[];
}

/** A fault in a file. */
export interface FileFault {
  file: string;
  line: number;
  message: string;
}

/** Result of reading the files. */
export interface Loading {
  faults: FileFault[];
  /** KIND NAME of each ignored object, such as a Deployment. */
  ignored: string[];
}

const KEYS = ['Secret', 'ConfigMap'];

interface Accepted {
  object: KubernetesObject;
  file: string;
}

/**
 * The objects in force. As in a cluster, a refused change keeps the accepted version in force. An object that is
 * removed from the files is deleted.
 */
export class Inventory {
  readonly #checks: ReadonlyMap<string, Check>;
  readonly #date: () => Date;
  /** Of objects that name none. */
  readonly namespace: string;
  /** By kind, namespace and name. */
  #accepted = new Map<string, Accepted>();

  /** @param namespace of objects that name none */
  constructor(checks: ReadonlyMap<string, Check>, date: () => Date, namespace = 'default') {
    this.#checks = checks;
    this.#date = date;
    this.namespace = namespace;
  }

  /** Replaces the texts of all files, by name. */
  load(files: ReadonlyMap<string, string>): Loading {
    const loading: Loading = { faults: [], ignored: [] };
    const next = new Map<string, Accepted>();
    for (const [file, text] of files) {
      const reading = readObjects(text);
      if (reading.ok) {
        for (const written of reading.objects) this.#take(written, file, next, loading);
        continue;
      }
      loading.faults.push(...reading.faults.map((fault) => ({ file, ...fault })));
      for (const [key, kept] of this.#accepted) if (kept.file === file) next.set(key, kept);
    }
    loading.ignored = [...new Set(loading.ignored)];
    this.#accepted = next;
    return loading;
  }

  objects(): Objects {
    const all = [...this.#accepted.values()].map(({ object }) => object);
    const of = <T>(...kinds: string[]): T[] =>
      all.filter(({ kind }) => kinds.includes(kind)) as unknown[] as T[];
    return {
      agents: of('AgentDeployment'),
      breakers: of('CircuitBreakerPolicy'),
      limits: of('RateLimitPolicy'),
      keys: of(...KEYS),
    };
  }

  #take(written: Written, file: string, next: Map<string, Accepted>, loading: Loading): void {
    const { object, lineOf } = written;
    const kind = text(object.kind);
    const name = nameOf(object);
    const check = this.#checks.get(kind) ?? (KEYS.includes(kind) ? named : undefined);
    if (check === undefined) return this.#leave(written, file, loading);
    const key = `${kind} ${this.#namespaceOf(object)}/${name}`;
    const faults = check(object).map(({ path, message }) => ({
      file,
      line: lineOf(path),
      message: `${kind} ${name}: ${dotted(path)} ${message}`,
    }));
    const twin = next.get(key);
    if (faults.length === 0 && twin !== undefined) {
      const message = `${kind} ${name} is in ${twin.file} too; remove one of the two`;
      faults.push({ file, line: lineOf(['metadata', 'name']), message });
    }
    loading.faults.push(...faults);
    const before = this.#accepted.get(key);
    if (faults.length === 0) next.set(key, { file, object: this.#stored(object, before) });
    else if (before !== undefined && twin === undefined) next.set(key, before);
  }

  /** An object of a kind that has no effect here. */
  #leave({ object, lineOf }: Written, file: string, loading: Loading): void {
    const kind = text(object.kind);
    const message = kindFault(object, [...this.#checks.keys()]);
    if (message === undefined) loading.ignored.push(`${kind} ${nameOf(object)}`.trim());
    else loading.faults.push({ file, line: lineOf(kind === '' ? [] : ['kind']), message });
  }

  /** The object with the fields that the API server adds. */
  #stored(object: Record<string, unknown>, before: Accepted | undefined): KubernetesObject {
    const { status: _, metadata, ...rest } = object;
    const { uid, creationTimestamp } = before?.object.metadata ?? {};
    const namespace = this.#namespaceOf(object);
    return {
      ...(rest as unknown as KubernetesObject),
      metadata: {
        ...(metadata as KubernetesObject['metadata']),
        namespace,
        uid: uid ?? `local-${namespace}-${nameOf(object)}`,
        creationTimestamp: creationTimestamp ?? this.#date().toISOString(),
      },
    };
  }

  #namespaceOf(object: Record<string, unknown>): string {
    return text(metadataOf(object).namespace) || this.namespace;
  }
}

/** Fault of an unknown kind; undefined if the kind belongs to another project. */
function kindFault(object: Record<string, unknown>, known: readonly string[]): string | undefined {
  const kind = text(object.kind);
  if (kind === '') return 'kind is missing; add it';
  const ours = text(object.apiVersion).startsWith('breakwater.dev/');
  return ours ? `${kind} is no kind of breakwater.dev; write ${known.join(', ')}` : undefined;
}

/** Secrets and ConfigMaps need only a name here. */
const named: Check = (object) =>
  nameOf(object as Record<string, unknown>) === ''
    ? [{ path: ['metadata', 'name'], message: 'is missing; add it' }]
    : [];

function metadataOf({ metadata }: Record<string, unknown>): Record<string, unknown> {
  return typeof metadata === 'object' && metadata !== null ? { ...metadata } : {};
}

function nameOf(object: Record<string, unknown>): string {
  return text(metadataOf(object).name);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A path as Kubernetes writes it, such as spec.targetRefs[0].name. */
export function dotted(path: Path): string {
  return path.reduce<string>((before, step) => {
    if (typeof step === 'number') return `${before}[${step}]`;
    return before === '' ? step : `${before}.${step}`;
  }, '');
}
