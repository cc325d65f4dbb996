import type { AgentDeployment } from '../../../crds/generated/types.ts';
import type { Problem } from '../common/errors.ts';
import { list, truncate } from '../common/wording.ts';
import { isBelow, repositoryOf } from './images.ts';
import { NAMED_SECRETS, RESTRICTED, type ImageUse, type Rule } from './rules.ts';

/** Permissions of the authors of agents. */
export interface Tenancy {
  podTemplate: 'Restricted' | 'Any';
  /** Allowed prefixes of images besides the release's own, and of sidecars; by default no sidecar is allowed. */
  images: readonly string[];
  /** Allowed prefixes of images of programs. They are no images of the runtime, even if `images` has them too. */
  programImages: readonly string[];
  /** Names of Secrets that agents may use; * matches any text. */
  secretNames: readonly string[];
}

export interface Refusals {
  fields: string[];
  images: string[];
  programs: string[];
  secrets: string[];
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
  const refusals: Refusals = { fields: [], images: [], programs: [], secrets: [] };
  if (!tenancy) return refusals;
  const check = new Check(tenancy, runtimeImage, refusals);
  if (tenancy.podTemplate === 'Restricted') check.at(RESTRICTED, spec, 'spec');
  check.at(NAMED_SECRETS, spec, 'spec');
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
  const { fields, images, programs, secrets } = refusalsOf(agent.spec, options);
  const alone = isInOperatorNamespace(agent, options);
  const problems = [
    ...(alone ? [{ reason: 'OperatorNamespace', message: MESSAGES.namespace }] : []),
    ...problem('PodTemplateNotAllowed', fields, MESSAGES.fields),
    ...problem('ImageNotAllowed', images, MESSAGES.images),
    ...problem('ImageNotAllowed', programs, MESSAGES.programs),
    ...problem('SecretNotAllowed', secrets, MESSAGES.secrets),
  ];
  const keepsConfiguration = alone || secrets.length > 0;
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

  constructor(tenancy: Tenancy, runtimeImage: string, refusals: Refusals) {
    const { images, programImages, secretNames } = tenancy;
    this.#refusals = refusals;
    this.#release = repositoryOf(runtimeImage);
    this.#allowed = { Runtime: images, Sidecar: images, Program: programImages };
    this.#secretNames = secretNames.map((name) => new RegExp(secretPattern(name)));
  }

  at(rule: Rule, value: unknown, path: string): void {
    const { fields, images, programs, secrets } = this.#refusals;
    switch (rule.kind) {
      case 'Object':
        return this.#object(rule, value, path);
      case 'List':
        return this.#list(rule, value, path);
      case 'Image':
        if (!this.#isImageAllowed(rule.of, value)) {
          (rule.of === 'Program' ? programs : images).push(path);
        }
        return;
      case 'Secret':
        if (!this.#isSecretAllowed(value)) secrets.push(path);
        return;
      case 'Map':
        fields.push(...refusedKeys(rule.refused, value).map((key) => `${path}.${key}`));
        return;
      default:
        if (!isOfForm(rule, value)) fields.push(path);
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

  /** A program's image in the runtime's place would run beside the keys. */
  #isImageAllowed(of: ImageUse, image: unknown): boolean {
    if (typeof image !== 'string') return false;
    const allows = (prefix: string): boolean => isBelow(prefix, image);
    if (of === 'Runtime' && allows(this.#release)) return true;
    const ofPrograms = of === 'Runtime' && this.#allowed.Program.some(allows);
    return this.#allowed[of].some(allows) && !ofPrograms;
  }
}

/** Turns a name with * for any text into a regular expression. */
function secretPattern(name: string): string {
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
