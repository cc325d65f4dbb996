/** Reads the custom resource definitions in this directory. */
import { parse } from 'yaml';
import { readDefinition } from './readDefinition.ts';

/** A rule in CEL (x-kubernetes-validations). */
export interface Rule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** The part of a structural schema that Breakwater's definitions use. */
export interface Schema {
  type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  description?: string;
  format?: string;
  default?: unknown;
  enum?: string[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema;
  'x-kubernetes-validations'?: Rule[];
  'x-kubernetes-list-type'?: 'map' | 'atomic' | 'set';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
}

export interface PrinterColumn {
  name: string;
  type: string;
  description?: string;
  jsonPath: string;
  priority?: number;
}

export interface Definition {
  metadata: { name: string };
  spec: {
    group: string;
    names: { kind: string; plural: string; singular: string; shortNames: string[] };
    versions: {
      name: string;
      additionalPrinterColumns: PrinterColumn[];
      schema: { openAPIV3Schema: Schema };
    }[];
  };
}

/** A definition with the text that it was read from. */
export interface Source {
  plural: string;
  text: string;
  definition: Definition;
  /** Schema of the only version. */
  schema: Schema;
}

export const PLURALS = ['agentdeployments', 'circuitbreakerpolicies', 'ratelimitpolicies'];

/** The three custom resource definitions, in a fixed order. */
export function definitions(): Source[] {
  return PLURALS.map((plural) => {
    const text = readDefinition(plural);
    const definition = parse(text) as Definition;
    return {
      plural,
      text,
      definition,
      schema: definition.spec.versions[0]!.schema.openAPIV3Schema,
    };
  });
}
