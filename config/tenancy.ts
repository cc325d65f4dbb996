import { TAG_OR_DIGEST } from '../operator/desired/tenancy/images.ts';
import {
  IDENTITIES,
  NAMED_SECRETS,
  RESTRICTED,
  type Rule,
} from '../operator/desired/tenancy/rules.ts';
import { MESSAGES, type Refusals } from '../operator/desired/tenancy/tenancy.ts';

/**
 * Named templates of the Helm chart: the rules for tenants in CEL, and what is told of a manifest that breaks one. Each
 * rule is an expression of its own, because the time to compile one grows with the square of its length.
 */
export function tenancyTemplates(): string {
  const rules: [name: string, kind: keyof Refusals, rule: Rule][] = [
    ['fields', 'fields', RESTRICTED],
    ['images', 'images', RESTRICTED],
    ['programs', 'programs', RESTRICTED],
    ['podSecrets', 'secrets', RESTRICTED],
    ['secrets', 'secrets', NAMED_SECRETS],
    ['identities', 'identities', IDENTITIES],
  ];
  const templates = rules.map(([name, kind, rule]) => {
    const expressions = new Cel(kind).refused(rule, {
      value: 'object.spec',
      path: "'spec'",
      depth: 0,
    });
    const names = expressions.map((_, index) => `variables.${name}${index}`);
    const variables = [
      ...expressions.map((expression, index) => [`${name}${index}`, expression]),
      [name, `[${names.join(', ')}]${JOIN}`],
    ];
    const texts = variables.map(
      ([variable, expression]) => `- name: ${variable}\n  expression: ${text(expression!)}`,
    );
    return define(name, texts.join('\n'));
  });
  const messages = Object.entries(MESSAGES).map(([name, told]) => define(`messages.${name}`, told));
  return [
    '{{- /* Generated from operator/desired/tenancy/rules.ts by `make generate`; do not edit. */ -}}',
    ...templates,
    ...messages,
    '',
  ].join('\n');
}

function define(name: string, content: string): string {
  if (content.includes('{{')) throw new Error(`${name} would be taken for a template`);
  return `{{- define "breakwater.tenancy.${name}" -}}\n${content}\n{{- end }}`;
}

/** A place of a manifest. */
interface Place {
  /** Expression of what is there. */
  value: string;
  /** Expression of its path. */
  path: string;
  /** How many lists it is in; it tells variables apart. */
  depth: number;
}

/** Writes rules as expressions whose value is a text: the paths of what one kind of rule refuses. */
class Cel {
  readonly #kind: keyof Refusals;

  constructor(kind: keyof Refusals) {
    this.#kind = kind;
  }

  /** One expression for each rule at a place and below. */
  refused(rule: Rule, place: Place): string[] {
    if (rule.kind === 'Object') return this.#object(rule, place);
    if (rule.kind === 'List') return this.#list(rule, place);
    const { value, path } = place;
    if (rule.kind === 'Map') {
      const begins = `${texts(rule.refused)}.exists(p, k.startsWith(p))`;
      return this.#kind === 'fields' ? [paths(value, begins, path)] : [];
    }
    const form = formOf(rule, value);
    return form?.kind === this.#kind ? [`(${form.allowed} ? '' : ${path})`] : [];
  }

  #object({ fields, open }: Extract<Rule, { kind: 'Object' }>, place: Place): string[] {
    const { value, path, depth } = place;
    const known = `k in ${texts(Object.keys(fields))}`;
    const unknown = this.#kind === 'fields' && !open ? [paths(value, `!(${known})`, path)] : [];
    const below = Object.entries(fields).flatMap(([name, rule]) => {
      const at = `${value}[${text(name)}]`;
      // A field that is null is taken away.
      const isThere = `${text(name)} in ${value} && ${at} != null`;
      const refused = this.refused(rule, { value: at, path: `${path} + '.${name}'`, depth });
      return refused.map((each) => `(${isThere} ? ${each} : '')`);
    });
    return [...unknown, ...below];
  }

  #list({ element, named }: Extract<Rule, { kind: 'List' }>, place: Place): string[] {
    const each = `e${place.depth}`;
    const name = `('name' in ${each} ? string(${each}['name']) : '')`;
    const at = { value: each, path: `${place.path} + '[' + ${name} + ']'`, depth: place.depth + 1 };
    const isNamed = `${name} in ${texts(Object.keys(named))}`;
    const others = this.refused(element, at);
    const all = [
      ...(Object.keys(named).length === 0
        ? others
        : others.map((refused) => `(${isNamed} ? '' : ${refused})`)),
      ...Object.entries(named).flatMap(([known, rule]) =>
        this.refused(rule, at).map((refused) => `(${name} == '${known}' ? ${refused} : '')`),
      ),
    ];
    return all.map((refused) => `${place.value}.map(${each}, ${refused})${JOIN}`);
  }
}

/** Whether a value is as a rule wants it, and which kind of refusal it is otherwise. */
function formOf(rule: Rule, value: string): { kind: keyof Refusals; allowed: string } | undefined {
  const isText = `type(${value}) == string`;
  switch (rule.kind) {
    case 'OneOf':
      return { kind: 'fields', allowed: `${value} in ${JSON.stringify(rule.values)}` };
    case 'AtLeast':
      return { kind: 'fields', allowed: `type(${value}) == int && ${value} >= ${rule.minimum}` };
    case 'Matches':
      return { kind: 'fields', allowed: `${isText} && ${value}.matches(${text(rule.pattern)})` };
    case 'Differs':
      return { kind: 'fields', allowed: `${isText} && !${value}.matches(${text(rule.pattern)})` };
    case 'Image': {
      const rest = `${value}.substring(p.size()).matches(${text(TAG_OR_DIGEST)})`;
      const below = `${value}.startsWith(p) && (p.endsWith('/') || ${rest})`;
      const isIn = (images: string): string => `variables.${images}.exists(p, ${below})`;
      const allowed = {
        Runtime: `(${isIn('releaseImages')} || (${isIn('namedImages')} && !${isIn('programImages')}))`,
        Sidecar: isIn('namedImages'),
        Program: isIn('programImages'),
      }[rule.of];
      const kind = rule.of === 'Program' ? 'programs' : 'images';
      return { kind, allowed: `${isText} && ${allowed}` };
    }
    case 'Secret': {
      const allowed = `${isText} && variables.secretNames.exists(p, ${value}.matches(p))`;
      return { kind: 'secrets', allowed };
    }
    case 'Identity': {
      const allowed = `variables.identityNames.exists(p, (${identityText(value)}).matches(p))`;
      return { kind: 'identities', allowed };
    }
    default:
      return undefined;
  }
}

/** The text of an identity, as `identityText` of operator/desired/tenancy writes it. */
function identityText(value: string): string {
  const member = (of: string, name: string, before: string): string => {
    const at = `${of}['${name}']`;
    return `('${name}' in ${of} && ${at} != null ? '${before}' + string(${at}) : '')`;
  };
  const cloud = (name: string, ...members: [name: string, before: string][]): string => {
    const of = `${value}['${name}']`;
    return [`'${name}'`, ...members.map(([each, before]) => member(of, each, before))].join(' + ');
  };
  const named = (name: string): string => `'${name}' in ${value} && ${value}['${name}'] != null`;
  const aws = cloud('aws', ['roleARN', ':']);
  const google = cloud('google', ['audience', ':'], ['serviceAccount', ':']);
  const azure = cloud('azure', ['tenantID', ':'], ['clientID', '/']);
  return `${named('aws')} ? ${aws} : ${named('google')} ? ${google} : ${named('azure')} ? ${azure} : ''`;
}

const JOIN = ".filter(t, t != '').join(', ')";

/** The paths of those keys of an object for which the condition holds. */
function paths(value: string, condition: string, path: string): string {
  return `${value}.filter(k, ${condition}).map(k, ${path} + '.' + k).join(', ')`;
}

const text = (value: string): string => JSON.stringify(value);
const texts = (values: readonly string[]): string => JSON.stringify(values);
