/** Writes contract/generated/types.ts from the JSON Schemas beside this file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';

const directory = import.meta.dirname;
const names = ['configuration', 'hello', 'report', 'command'];

/** Joins all schemas, so that each shared definition becomes one type. */
function combined(): JSONSchema {
  const definitions: Record<string, JSONSchema> = {};
  for (const name of names) {
    const text = readFileSync(join(directory, `${name}.schema.json`), 'utf8')
      .replaceAll(/"(?:\w+\.schema\.json)?#\/definitions\//g, '"#/definitions/')
      .replaceAll(
        /"(\w+)\.schema\.json"(?=\s*\})/g,
        (_, other: string) => `"#/definitions/${title(other)}"`,
      );
    const { definitions: inner, $schema: _s, $id: _i, ...schema } = JSON.parse(text) as JSONSchema;
    Object.assign(definitions, inner, { [title(name)]: schema });
  }
  return { title: 'Contract', type: 'object', additionalProperties: false, definitions };
}

const title = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);

const types = await compile(combined(), 'Contract', {
  additionalProperties: false,
  unreachableDefinitions: true,
  ignoreMinAndMaxItems: true,
  bannerComment:
    '/* Generated from the JSON Schemas in contract/ by `make generate`; do not edit. */',
  style: { singleQuote: true, printWidth: 100 },
});
writeFileSync(join(directory, 'generated/types.ts'), types);
