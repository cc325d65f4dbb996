import type { Row } from './row.ts';

const PATH = '$.spec.program';
const SECRET = { name: 'db', key: 'url' };

/** A row about a program. */
function row(rule: string, program: object, message: string): Row {
  const whole = 'image' in program ? program : { image: 'example.com/orders:1', ...program };
  return [`${PATH}${rule}`, { spec: { program: whole } }, `spec.program${message}`];
}

const path = (field: string, value: string, eg: string): string =>
  `${field}: Invalid value: ${value}: must be a path that begins with / and holds only letters, digits, '-', '_', '.', '~' and single '/', such as ${eg}`;

/** A row about one variable. */
function variable(rule: string, env: object, message: string): Row {
  return row(`.env[*]${rule}`, { env: [env] }, `.env[0]${message}`);
}

/** Bad manifests of AgentDeployments, by their programs. */
export const rows: Row[] = [
  [
    '$.spec.shutdown.programTimeout rule 0',
    { spec: { shutdown: { programTimeout: 'half an hour' } } },
    'spec.shutdown.programTimeout: Invalid value: "string": must be a duration, written with the units h, m, s and ms, such as 30s',
  ],
  [
    '$.spec rule 3',
    {
      spec: {
        model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'anthropic' } }] },
        program: {
          image: 'example.com/orders:1',
          env: [{ name: 'KEY', secretKeyRef: { name: 'anthropic', key: 'api-key' } }],
        },
      },
    },
    'spec.program.env: Invalid value: "object": must not name the Secret of an endpoint\'s API key, which only the runtime has. Call the model by ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY, which the program has anyway, or put other values into a Secret of their own',
  ],
  [
    `${PATH} required image`,
    { spec: { program: { port: 8000 } } },
    'spec.program.image: Required value',
  ],
  row(
    '.port rule 0',
    { port: 9092 },
    '.port: Invalid value: "integer": must be none of the runtime\'s ports, which are 8080, 9090, 9091, 9092 and 9443; take 8000, for example',
  ),
  row('.tools required path', { tools: {} }, '.tools.path: Required value'),
  row('.tools.path rule 0', { tools: { path: 'mcp' } }, path('.tools.path', '"string"', '/mcp')),
  row(
    '.tools.path rule 0',
    { tools: { path: '/a/../b' } },
    path('.tools.path', '"string"', '/mcp'),
  ),
  row('.http required paths', { http: {} }, '.http.paths: Required value'),
  row(
    '.http.paths unique',
    { http: { paths: ['/', '/'] } },
    '.http.paths[1]: Duplicate value: "/"',
  ),
  row(
    '.http.paths rule 0',
    { http: { paths: ['/', '/v1/messages/count_tokens'] } },
    '.http.paths: Invalid value: "array": must be none of the runtime\'s paths, which are /health, /v1/messages, /v1/models and /v1/conversations; those stay the runtime\'s beside /',
  ),
  row(
    '.http.paths[*] rule 0',
    { http: { paths: ['/orders?all'] } },
    path('.http.paths[0]', '"string"', '/orders'),
  ),
  row('.health required path', { health: {} }, '.health.path: Required value'),
  row('.health.path rule 0', { health: { path: '//ok' } }, path('.health.path', '"string"', '/ok')),
  row(
    '.env unique',
    {
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '1' },
      ],
    },
    '.env[1]: Duplicate value: {"name":"A"}',
  ),
  variable(' required name', { value: '1' }, '.name: Required value'),
  variable(
    ' rule 0',
    { name: 'A', value: '1', secretKeyRef: SECRET },
    ': Invalid value: "object": must have either value or secretKeyRef',
  ),
  variable(
    '.name rule 0',
    { name: 'DB-URL', value: '1' },
    '.name: Invalid value: "string": must be the name of an environment variable, which holds only letters, digits and \'_\', such as DB_URL',
  ),
  variable(
    '.name rule 1',
    { name: 'BREAKWATER_TOKEN', value: '1' },
    '.name: Invalid value: "string": must be another one than PORT, HOST, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY and BREAKWATER_*, which the operator sets',
  ),
  variable(
    '.secretKeyRef required name',
    { name: 'A', secretKeyRef: { key: 'url' } },
    '.secretKeyRef.name: Required value',
  ),
  variable(
    '.secretKeyRef required key',
    { name: 'A', secretKeyRef: { name: 'db' } },
    '.secretKeyRef.key: Required value',
  ),
  variable(
    '.secretKeyRef.name rule 0',
    { name: 'A', secretKeyRef: { name: 'DB', key: 'url' } },
    ".secretKeyRef.name: Invalid value: \"string\": must be the name of a Secret, which holds only lower-case letters, digits, '-' and '.', such as db",
  ),
  variable(
    '.secretKeyRef.key rule 0',
    { name: 'A', secretKeyRef: { name: 'db', key: 'a b' } },
    ".secretKeyRef.key: Invalid value: \"string\": must be a key of a Secret, which holds only letters, digits, '-', '_' and '.', such as url",
  ),
];
