import type { AgentDeployment } from '../../crds/generated/types.ts';
import type { KubernetesObject } from '../../crds/meta.ts';
import { CLUSTER_OPTIONS } from '../cluster/options.ts';
import { withCluster, type Cluster } from '../cluster/cluster.ts';
import { observe } from '../cluster/observe.ts';
import { EXIT, type Command } from '../terminal/command.ts';
import { readManifests } from '../manifests/files.ts';
import { applied } from '../manifests/applied.ts';
import { readObjects } from '../manifests/document.ts';
import { Inventory, type Loading, type Objects } from '../manifests/inventory.ts';
import { checks } from '../manifests/kinds.ts';
import { render } from '../render/render.ts';
import { effects, type Effect } from '../view/effects.ts';
import { keyOf } from '../view/world.ts';
import { FILENAME } from './filename.ts';

/** Image on both sides, so that the operator's default image shows no difference. */
const IMAGE = 'breakwater-runtime';

export const diff: Command = {
  summary: 'show what the operator would change if the manifests at PATH were applied',
  options: { ...FILENAME, ...CLUSTER_OPTIONS },
  required: ['filename'],
  run: (call) =>
    withCluster(call, async (cluster) => {
      const { values, context } = call;
      const files = await readManifests(values['filename'] as string);
      const { problems, effects } = await changesBy(files, {
        namespace: cluster.namespace,
        date: context.date,
        there: (written) => clusterObjects(cluster, written),
      });
      for (const problem of problems) context.stderr.write(`${problem}\n`);
      context.stdout.write(effects.join('') || 'Nothing would change.\n');
      return effects.length > 0 ? EXIT.problem : EXIT.fine;
    }),
};

/** What the operator would change. */
export interface Changes {
  /** What would keep agents from their specs. */
  problems: readonly string[];
  /** A text for each object that would change. */
  effects: string[];
}

export interface ChangesOptions {
  /** Of manifests that name none. */
  namespace: string | undefined;
  date: () => Date;
  /** Whether the manifests replace the objects, and are not applied to them. */
  replaces?: boolean;
  /** The objects in the namespaces of these. */
  there: (written: Objects) => Promise<Objects>;
}

/** What the operator would change for the manifests, by the names of their files. Throws an Error if they would be refused. */
export async function changesBy(
  files: ReadonlyMap<string, string>,
  { namespace, date, replaces = false, there: objectsFor }: ChangesOptions,
): Promise<Changes> {
  const inventory = (): Inventory => new Inventory(checks(), date, namespace);
  const given = inventory();
  refuse(given.load(files));
  const there = await objectsFor(given.objects());
  const written = replaces ? given.objects() : appliedTo(there, files, inventory());
  const { problems, yaml } = render(overlaid(there, written), IMAGE);
  return { problems, effects: effects(render(there, IMAGE).yaml, yaml).map(describe) };
}

function refuse({ faults }: Loading): void {
  if (faults.length === 0) return;
  const lines = faults.map(({ file, line, message }) => `${file}:${line}: ${message}`);
  throw new Error(`the manifests would be refused\n${lines.join('\n')}`);
}

/** The objects in the manifests as kubectl apply would leave them, with defaults. */
function appliedTo(
  there: Objects,
  texts: ReadonlyMap<string, string>,
  inventory: Inventory,
): Objects {
  const live = [...there.agents, ...there.breakers, ...there.limits];
  const after = Array.from(texts, ([file, text]): [string, string] => {
    const reading = readObjects(text);
    const objects = reading.ok ? reading.objects : [];
    const left = objects.map(({ object }) => {
      const { kind, metadata } = object as unknown as KubernetesObject;
      const namespace = metadata.namespace ?? inventory.namespace;
      const old = live.find(
        (one) =>
          one.kind === kind &&
          one.metadata.name === metadata.name &&
          one.metadata.namespace === namespace,
      );
      return old === undefined ? object : applied(old, object);
    });
    return [file, JSON.stringify({ kind: 'List', items: left })];
  });
  refuse(inventory.load(new Map(after)));
  return inventory.objects();
}

/** Agents and policies in all namespaces of the manifests. */
export async function clusterObjects(cluster: Cluster, written: Objects): Promise<Objects> {
  const all = [...written.agents, ...written.breakers, ...written.limits];
  const namespaces = [...new Set(all.map(({ metadata }) => metadata.namespace!))];
  const worlds = await Promise.all(
    namespaces.map((namespace) => observe({ ...cluster, namespace })),
  );
  return {
    agents: worlds.flatMap(({ agents }) => agents),
    breakers: worlds.flatMap(({ breakers }) => breakers),
    limits: worlds.flatMap(({ limits }) => limits),
    keys: [],
  };
}

function overlaid(there: Objects, written: Objects): Objects {
  return {
    agents: over<AgentDeployment>(there.agents, written.agents),
    breakers: over(there.breakers, written.breakers),
    limits: over(there.limits, written.limits),
    keys: [],
  };
}

/** Replaces objects of the same name and keeps their age, which decides precedence. */
function over<T extends KubernetesObject>(there: readonly T[], written: readonly T[]): T[] {
  const old = new Map(there.map((object) => [keyOf(object), object]));
  const changed = written.map((object) => {
    const { uid, creationTimestamp } = old.get(keyOf(object))?.metadata ?? object.metadata;
    return { ...object, metadata: { ...object.metadata, uid, creationTimestamp } };
  });
  const names = new Set(changed.map(keyOf));
  return [...there.filter((object) => !names.has(keyOf(object))), ...changed];
}

const WORDS: Record<Effect['effect'], string> = {
  New: 'is made',
  Changed: 'is changed, with no restart',
  Restart: "is changed, and the agent's pods are replaced one after the other",
};

function describe({ object, effect, lines }: Effect): string {
  return `${object} ${WORDS[effect]}\n${lines.map((line) => `${line}\n`).join('')}`;
}
