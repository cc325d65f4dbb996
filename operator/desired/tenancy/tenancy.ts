import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { Problem } from '../common/errors.ts';
import { list, truncate } from '../common/wording.ts';
import { isBelow, repositoryOf } from './images.ts';
import { IDENTITIES, NAMED_SECRETS, RESTRICTED, type ImageUse, type Rule } from './rules.ts';

/** Permissions of the authors of agents. */
export interface Tenancy {
  podTemplate: 'Restricted' | 'Any';
  /** Allowed prefixes of images besides the release's own, and of sidecars; by default no sidecar is allowed. */
  images: readonly string[];
  /** Allowed prefixes of images of programs. They are no images of the runtime, even if `images` has them too. */
  programImages: readonly string[];
  /** Names of Secrets that agents may use; * matches any text. */
  secretNames: readonly string[];
  /** Identities at clouds that agents may name, as `identityText` writes them; * matches any text. By default none. */
  identities: readonly string[];
}

export interface Refusals {
  fields: string[];
  images: string[];
  programs: string[];
  secrets: string[];
  identities: string[];
}

export interface TenancyOptions {
  /** Absent: everything is permitted. */
  tenancy?: Tenancy;
  runtimeImage: string;
  operatorNamespace: string;
}

/** Refused parts of the spec, by path. */
export function refusalsOf(
  spec: object,
  { tenancy, runtimeImage }: Pick<TenancyOptions, 'tenancy' | 'runtimeImage'>,
): Refusals {
  const refusals: Refusals = { fields: [], images: [], programs: [], secrets: [], identities: [] };
  if (!tenancy) return refusals;
  const check = new Check(tenancy, runtimeImage, refusals);
  if (tenancy.podTemplate === 'Restricted') check.at(RESTRICTED, spec, 'spec');
  check.at(NAMED_SECRETS, spec, 'spec');
  check.at(IDENTITIES, spec, 'spec');
  return refusals;
}

/** Whether the agent is in the operator's own namespace, where its authority is. */
export function isInOperatorNamespace(
  { metadata }: Pick<AgentDeployment, 'metadata'>,
  { tenancy, operatorNamespace }: Pick<TenancyOptions, 'tenancy' | 'operatorNamespace'>,
): boolean {
  return tenancy !== undefined && metadata.namespace === operatorNamespace;
}

/** Refused parts of an agent, and the parts that therefore stay as they are. */
export interface Verdict {
  problems: Problem[];
  keepsPods: boolean;
  /** A mounted Secret must not reach another address either. */
  keepsConfiguration: boolean;
}

export function verdictOn(agent: AgentDeployment, options: TenancyOptions): Verdict {
  const { fields, images, programs, secrets, identities } = refusalsOf(agent.spec, options);
  const alone = isInOperatorNamespace(agent, options);
  const problems = [
    ...(alone ? [{ reason: 'OperatorNamespace', message: MESSAGES.namespace }] : []),
    ...problem('PodTemplateNotAllowed', fields, MESSAGES.fields),
    ...problem('ImageNotAllowed', images, MESSAGES.images),
    ...problem('ImageNotAllowed', programs, MESSAGES.programs),
    ...problem('SecretNotAllowed', secrets, MESSAGES.secrets),
    ...problem('IdentityNotAllowed', identities, MESSAGES.identities),
  ];
  const keepsConfiguration = alone || secrets.length > 0 || identities.length > 0;
  return { problems, keepsPods: problems.length > 0, keepsConfiguration };
}

/** Text after the refused paths, in conditions and at kubectl apply. */
export const MESSAGES = {
  fields:
    'not permitted while tenancy.podTemplate is Restricted. Remove it, or ask the administrator of the operator to set tenancy.podTemplate to Any.',
  images:
    'an image that is not permitted. Use an image of the operator’s release, or ask the administrator of the operator to add its repository to tenancy.images.',
  programs:
    'an image that is not permitted for a program. Ask the administrator of the operator to add its repository to tenancy.programImages, such as by --set tenancy.programImages={registry.example.com/programs/}.',
  secrets:
    'a Secret that is not permitted. Name another one, or ask the administrator of the operator to add a pattern to tenancy.secretNames.',
  identities:
    'an identity that is not permitted. Name another one, or ask the administrator of the operator to add a pattern to tenancy.identities, such as aws:arn:aws:iam::111122223333:role/agents-*.',
  namespace:
    'The operator leaves agents in its own namespace alone, because the key of its certificate authority is there. Create the agent in another namespace.',
} as const;

/** Refused fields to name and count. */
const MAX_FIELDS = 1000;
/** Longest path in a message. */
const MAX_PATH = 256;

const KEPT = 'Until then running pods stay as they are, and no new ones are made.';

function problem(reason: string, paths: string[], message: string): Problem[] {
  if (paths.length === 0) return [];
  const shown = list(paths.map((path) => truncate(path, MAX_PATH)));
  return [{ reason, message: `${shown}: ${message} ${KEPT}` }];
}

/** Checks a manifest by the rules. */
class Check {
  readonly #refusals: Refusals;
  readonly #allowed: Record<ImageUse, readonly string[]>;
  readonly #release: string;
  readonly #secretNames: readonly RegExp[];
  readonly #identities: readonly RegExp[];

  constructor(tenancy: Tenancy, runtimeImage: string, refusals: Refusals) {
    const { images, programImages, secretNames, identities } = tenancy;
    this.#refusals = refusals;
    this.#release = repositoryOf(runtimeImage);
    this.#allowed = { Runtime: images, Sidecar: images, Program: programImages };
    this.#secretNames = secretNames.map((name) => new RegExp(namePattern(name)));
    this.#identities = identities.map((name) => new RegExp(namePattern(name)));
  }

  at(rule: Rule, value: unknown, path: string): void {
    switch (rule.kind) {
      case 'Object':
        return this.#object(rule, value, path);
      case 'List':
        return this.#list(rule, value, path);
      case 'Map': {
        const keys = refusedKeys(rule.refused, value);
        return void this.#refusals.fields.push(...keys.map((key) => `${path}.${key}`));
      }
      default: {
        const kind = this.#refusal(rule, value);
        if (kind !== undefined) this.#refusals[kind].push(path);
      }
    }
  }

  /** Which kind of refusal a value is; undefined for one that is permitted. */
  #refusal(
    rule: Exclude<Rule, { kind: 'Object' | 'List' | 'Map' }>,
    value: unknown,
  ): keyof Refusals | undefined {
    switch (rule.kind) {
      case 'Image':
        if (this.#isImageAllowed(rule.of, value)) return undefined;
        return rule.of === 'Program' ? 'programs' : 'images';
      case 'Secret':
        return this.#isSecretAllowed(value) ? undefined : 'secrets';
      case 'Identity':
        return this.#isIdentityAllowed(value) ? undefined : 'identities';
      default:
        return isOfForm(rule, value) ? undefined : 'fields';
    }
  }

  #object({ fields, open }: Extract<Rule, { kind: 'Object' }>, value: unknown, path: string): void {
    if (!isObject(value)) return void this.#refusals.fields.push(path);
    // Entries of 100,000 fields would take four times as long.
    for (const name in value) {
      const below = value[name];
      const rule = Object.hasOwn(fields, name) ? fields[name] : undefined;
      // null removes a field; see strategicMerge.ts.
      if (rule && below !== null && below !== undefined) this.at(rule, below, `${path}.${name}`);
      if (!rule && !open && this.#refusals.fields.length < MAX_FIELDS) {
        this.#refusals.fields.push(`${path}.${name}`);
      }
    }
  }

  #list({ element, named }: Extract<Rule, { kind: 'List' }>, value: unknown, path: string): void {
    if (!Array.isArray(value)) return void this.#refusals.fields.push(path);
    for (const each of value as unknown[]) {
      const name = isObject(each) && typeof each['name'] === 'string' ? each['name'] : '';
      const rule = Object.hasOwn(named, name) ? named[name]! : element;
      this.at(rule, each, `${path}[${name}]`);
    }
  }

  #isSecretAllowed(name: unknown): boolean {
    return typeof name === 'string' && this.#secretNames.some((pattern) => pattern.test(name));
  }

  #isIdentityAllowed(value: unknown): boolean {
    const text = isObject(value) ? identityText(value) : '';
    return this.#identities.some((pattern) => pattern.test(text));
  }

  /** A program's image in the runtime's place would run beside the keys. */
  #isImageAllowed(of: ImageUse, image: unknown): boolean {
    if (typeof image !== 'string') return false;
    const allows = (prefix: string): boolean => isBelow(prefix, image);
    if (of === 'Runtime' && allows(this.#release)) return true;
    const ofPrograms = of === 'Runtime' && this.#allowed.Program.some(allows);
    return this.#allowed[of].some(allows) && !ofPrograms;
  }
}

/**
 * An identity as tenancy.identities names it: aws, aws:ROLE-ARN, google, google:AUDIENCE, google:AUDIENCE:SERVICE-ACCOUNT
 * or azure:TENANT/CLIENT.
 */
export function identityText({ aws, google, azure }: Record<string, unknown>): string {
  const member = (of: unknown, name: string, before: string): string => {
    const value = isObject(of) ? of[name] : undefined;
    return typeof value === 'string' ? `${before}${value}` : '';
  };
  if (isObject(aws)) return `aws${member(aws, 'roleARN', ':')}`;
  if (isObject(google)) {
    return `google${member(google, 'audience', ':')}${member(google, 'serviceAccount', ':')}`;
  }
  return `azure${member(azure, 'tenantID', ':')}${member(azure, 'clientID', '/')}`;
}

/** Turns a name with * for any text into a regular expression. */
function namePattern(name: string): string {
  return `^${name.replaceAll('.', '[.]').replaceAll('*', '.*')}$`;
}

function refusedKeys(refused: readonly string[], value: unknown): string[] {
  const keys = isObject(value) ? Object.keys(value) : [];
  return keys.filter((key) => refused.some((prefix) => key.startsWith(prefix)));
}

type Form = Extract<Rule, { kind: 'Any' | 'OneOf' | 'AtLeast' | 'Matches' | 'Differs' }>;

function isOfForm(rule: Form, value: unknown): boolean {
  if (rule.kind === 'Any') return true;
  if (rule.kind === 'OneOf') return rule.values.includes(value as string);
  if (rule.kind === 'AtLeast') return Number.isInteger(value) && (value as number) >= rule.minimum;
  if (typeof value !== 'string') return false;
  return new RegExp(rule.pattern).test(value) === (rule.kind === 'Matches');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
