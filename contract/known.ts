/** Copies messages without the fields that their schema does not name. */

/** The keywords of JSON Schema that name fields. */
export interface Schema {
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  definitions?: Record<string, Schema>;
}

/** Copies a value that fits the schema. */
export type Copy = (value: unknown) => unknown;

/**
 * @param files schemas by `$id`
 * @param ref such as `report.schema.json#/definitions/Snapshot`
 */
export function copierOf(files: ReadonlyMap<string, object>, ref: string): Copy {
  const [file = '', pointer] = ref.split('#');
  const root = files.get(file) as Schema;
  const schema = pointer ? root.definitions![pointer.replace('/definitions/', '')]! : root;
  return copier(schema, (other) => copierOf(files, other.startsWith('#') ? file + other : other));
}

function copier(schema: Schema, refer: (ref: string) => Copy): Copy {
  const { $ref, properties, items } = schema;
  if ($ref !== undefined) return refer($ref);
  if (properties !== undefined) return fieldsCopier(properties, refer);
  if (items === undefined) return (value) => value;
  const copy = copier(items, refer);
  return (value) => (value as unknown[]).map(copy);
}

function fieldsCopier(properties: Record<string, Schema>, refer: (ref: string) => Copy): Copy {
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, copier(schema, refer)] as const,
  );
  return (value) => {
    const known: Record<string, unknown> = {};
    for (const [name, copy] of fields) {
      if (Object.hasOwn(value as object, name)) {
        known[name] = copy((value as Record<string, unknown>)[name]);
      }
    }
    return known;
  };
}
