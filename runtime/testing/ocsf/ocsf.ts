import facts from './ocsf-1.8.0.json' with { type: 'json' };

interface Attribute {
  type: string;
  array?: boolean;
  required?: boolean;
  /** Captions by number. */
  enum?: Record<string, string>;
  profile?: string;
}

interface Shape {
  attributes: Record<string, Attribute>;
  constraints?: { at_least_one?: string[]; just_one?: string[] } | null;
}

type Json = Record<string, unknown>;

const CLASSES = Object.values(facts.classes) as (Shape & { uid: number; category: number })[];
const OBJECTS = facts.objects as Record<string, Shape>;
const TYPES = facts.types as Record<string, string>;

/** All faults of an event by the schema of OCSF 1.8; empty for a valid event. */
export function ocsfFaults(event: Json): string[] {
  const found = CLASSES.find(({ uid }) => uid === event['class_uid']);
  if (!found) return [`class_uid: ${String(event['class_uid'])} is none that is known`];
  const metadata = event['metadata'] as { profiles?: string[]; version?: string };
  const profiles = new Set(metadata.profiles ?? []);
  return [
    ...shapeFaults(event, found, '', profiles),
    ...(event['category_uid'] === found.category ? [] : ['category_uid: is not that of the class']),
    ...(event['type_uid'] === found.uid * 100 + Number(event['activity_id'])
      ? []
      : ['type_uid: is not class_uid × 100 + activity_id']),
    ...(metadata.version === facts.version ? [] : ['metadata.version: is not that of the schema']),
    ...captionFaults(event, found),
  ];
}

function shapeFaults(
  value: Json,
  { attributes, constraints }: Shape,
  path: string,
  profiles: ReadonlySet<string>,
): string[] {
  const any = constraints?.at_least_one;
  return [
    ...Object.entries(attributes)
      .filter(([name, { required }]) => required && value[name] === undefined)
      .map(([name]) => `${path}${name}: is missing`),
    ...(any && !any.some((name) => value[name] !== undefined)
      ? [`${path}: needs one of ${any.join(', ')}`]
      : []),
    ...Object.entries(value).flatMap(([name, part]) => {
      const attribute = attributes[name];
      if (!attribute) return [`${path}${name}: is unknown`];
      const { profile } = attribute;
      if (profile !== undefined && !profiles.has(profile)) {
        return [`${path}${name}: needs the profile ${profile}`];
      }
      return valueFaults(part, attribute, `${path}${name}`, profiles);
    }),
  ];
}

function valueFaults(
  value: unknown,
  attribute: Attribute,
  path: string,
  profiles: ReadonlySet<string>,
): string[] {
  if (attribute.array) {
    if (!Array.isArray(value)) return [`${path}: is no array`];
    const each = { ...attribute, array: false };
    return value.flatMap((one, i) => valueFaults(one, each, `${path}[${i}]`, profiles));
  }
  const { type } = attribute;
  const plain = TYPES[type];
  if (plain !== undefined) {
    return isOf(plain, value, attribute) ? [] : [`${path}: is no ${type}`];
  }
  if (typeof value !== 'object' || value === null) return [`${path}: is no object`];
  // An object without attributes in the schema, such as unmapped, may have any.
  const shape = OBJECTS[type];
  return shape ? shapeFaults(value as Json, shape, `${path}.`, profiles) : [];
}

function isOf(type: string, value: unknown, { enum: captions }: Attribute): boolean {
  if (type === 'json_t') return true;
  if (type === 'boolean_t') return typeof value === 'boolean';
  if (type === 'string_t') return typeof value === 'string' && value !== '';
  if (!Number.isSafeInteger(value)) return false;
  return captions === undefined || String(value) in captions;
}

/** A caption must be that of its number, unless that is 99, Other. */
function captionFaults(event: Json, { attributes }: Shape): string[] {
  return Object.entries(attributes).flatMap(([name, { enum: captions }]) => {
    const number = event[name];
    const caption = event[name.replace(/_id$/, name === 'activity_id' ? '_name' : '')];
    if (!captions || typeof number !== 'number' || typeof caption !== 'string') return [];
    return number === 99 || caption === captions[number] ? [] : [`${name}: is not ${caption}`];
  });
}
