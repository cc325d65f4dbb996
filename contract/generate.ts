/** Writes contract/generated from the JSON Schemas and the OpenAPI document beside this file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { parse } from 'yaml';

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

/** Writes the types of all definitions, from what `source` names. */
async function writeTypes(schema: JSONSchema, source: string, file: string): Promise<void> {
  const types = await compile(schema, schema.title!, {
    additionalProperties: false,
    unreachableDefinitions: true,
    ignoreMinAndMaxItems: true,
    bannerComment: `/* Generated from ${source} by \`make generate\`; do not edit. */`,
    style: { singleQuote: true, printWidth: 100 },
  });
  writeFileSync(join(directory, 'generated', file), types);
}

await writeTypes(combined(), 'the JSON Schemas in contract/', 'types.ts');

/** The local API of a program: its schemas as JSON Schema, by which the runtime checks, and their types. */
const api = parse(readFileSync(join(directory, 'program.openapi.yaml'), 'utf8')) as {
  components: { schemas: Record<string, JSONSchema> };
};
const schemas = JSON.parse(
  JSON.stringify(api.components.schemas).replaceAll('#/components/schemas/', '#/definitions/'),
) as Record<string, JSONSchema>;
const local: JSONSchema = { $id: 'program.schema.json', definitions: schemas };
writeFileSync(
  join(directory, 'generated/program.schema.json'),
  `${JSON.stringify(local, undefined, 2)}\n`,
);
await writeTypes(
  { title: 'LocalApi', type: 'object', additionalProperties: false, definitions: schemas },
  'contract/program.openapi.yaml',
  'program.ts',
);
