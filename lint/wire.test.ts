import { expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Names of the wire: members, types of blocks, events and errors, headers, routes. Traces have their own, gen_ai.*. */
const WIRE = new RegExp(
  [
    '(?<!\\w|gen_ai[\\w.]*)(?:tool_(?:result|use|use_id|choice)|content_block\\w*|message_(?:start|delta|stop)',
    'max_(?:completion_)?tokens|(?:cache_\\w+_)?(?:input|output)_tokens|budget_tokens|(?:stop|finish)_reason|cache_control',
    '(?:text|input_json|thinking)_delta|partial_json|search_result|end_turn|request_too_large',
    '(?:rate_limit|overloaded|api|timeout|invalid_request|authentication|permission|not_found|billing)_error',
    'anthropic-ratelimit[\\w-]*)(?!\\w)',
    "members\\??\\.(?:get|has)\\('",
    '/v1/(?:messages|models|chat|responses)',
  ].join('|'),
);

/** Files outside of runtime/protocols that may name them, with the reason. */
const MAY: readonly [path: RegExp, reason: string][] = [
  [/^model\/provider\//, 'errors and limits as the endpoints of each provider state them'],
  [
    /^conversations\/(?!tools\/)/,
    'turns of the agent are messages of the Messages API, called by its SDK',
  ],
  [/^conversations\/tools\//, 'members of MCP, and of saved lists of its tools'],
  [/^exchange\/conversation\w*\.ts$/, 'our own routes of conversations show these messages'],
  [/^security\/injection\/rules\.ts$/, 'texts of attacks imitate the wire'],
];

/** Lines of code that name the wire, as FILE:LINE. */
function named(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const comment = /^\s*(?:\/\/|\/?\*)/.test(line);
    return !comment && WIRE.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [];
  });
}

const files = execFileSync('git', ['ls-files', '*.ts'], {
  cwd: join(ROOT, 'runtime'),
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.ts$/.test(file) && !/\.test\.ts$|^(?:testing|tests|protocols)\//.test(file));
const found = files.map((file) => ({
  file,
  lines: named(file, readFileSync(join(ROOT, 'runtime', file), 'utf8')),
}));

it('only runtime/protocols names the members of a protocol of models', () => {
  const others = found.filter(({ file }) => !MAY.some(([path]) => path.test(file)));
  expect(files.length).toBeGreaterThan(200);
  expect(others.flatMap(({ lines }) => lines)).toEqual([]);
});

it('each file or folder that may name them does', () => {
  const unused = MAY.filter(
    ([path]) => !found.some(({ file, lines }) => path.test(file) && lines.length > 0),
  );
  expect(unused).toEqual([]);
});

it('a name of the wire is found in code, not in comments or attributes of traces', () => {
  expect(named('a.ts', "// max_tokens\n'gen_ai.request.max_tokens'")).toEqual([]);
  expect(named('a.ts', "body.max_tokens\n/** tool_use */\ncase 'tool_use':")).toEqual([
    'a.ts:1: body.max_tokens',
    "a.ts:3: case 'tool_use':",
  ]);
});
