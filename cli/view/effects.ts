import { parse, parseAllDocuments, stringify } from 'yaml';
import { lineDiff } from './lineDiff.ts';

/** Change of one object of the operator. */
export interface Effect {
  /** KIND NAMESPACE/NAME. */
  object: string;
  /** Restart: the object changes, and the agent's pods are replaced. */
  effect: 'New' | 'Changed' | 'Restart';
  lines: string[];
}

interface Rendered {
  kind: string;
  metadata: { namespace?: string; name: string };
  data?: Record<string, string>;
  spec?: { template?: unknown };
}

/** Changes between two renders, by object. Omits objects that are no longer rendered. */
export function effects(before: string, after: string): Effect[] {
  const known = objectsIn(before);
  return [...objectsIn(after)].flatMap(([object, now]): Effect[] => {
    const old = known.get(object);
    const lines = lineDiff(old === undefined ? '' : readable(old), readable(now));
    if (lines.length === 0) return [];
    if (old === undefined) return [{ object, effect: 'New', lines }];
    const restart = stringify(old.spec?.template) !== stringify(now.spec?.template);
    return [{ object, effect: restart ? 'Restart' : 'Changed', lines }];
  });
}

function objectsIn(text: string): Map<string, Rendered> {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return new Map();
  const objects = documents.map((document) => document.toJS() as Rendered | null);
  return new Map(
    objects
      .filter((object) => object !== null)
      .map((object) => {
        const { namespace, name } = object.metadata;
        return [`${object.kind} ${namespace}/${name}`, object];
      }),
  );
}

/** The object as YAML. JSON in it, such as a configuration, becomes YAML too. */
function readable({ data, ...rest }: Rendered): string {
  const values = Object.entries(data ?? {}).map(([key, text]): [string, unknown] => [
    key,
    key.endsWith('.json') ? (parse(text) as unknown) : text,
  ]);
  return stringify(
    data === undefined ? rest : { ...rest, data: Object.fromEntries<unknown>(values) },
    {
      lineWidth: 0,
    },
  );
}
