/** Makes docs/reference/failures.md of docs/failures.yaml. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const DOCS = join(import.meta.dirname, '../docs');

export interface Failure {
  what: string;
  /** What a client sees. */
  client: string;
  /** What status, metrics and debug ports show; absent: nothing of their own. */
  status?: string;
  /** Beginnings of the titles of tests, by file. */
  tests: Record<string, string[]>;
}

export interface FailureGroup {
  group: string;
  failures: Failure[];
}

export function failureGroups(): FailureGroup[] {
  return parse(readFileSync(join(DOCS, 'failures.yaml'), 'utf8')) as FailureGroup[];
}

const INTRODUCTION = `# Failures

What a client sees when something fails, and what the agent's status, its metrics and its debug port show. A test plays each of these
with real connections, or in virtual time where several pods must act together.
`;

export function failuresPage(groups: readonly FailureGroup[]): string {
  const tables = groups.map(({ group, failures }) =>
    [
      `## ${group}`,
      '',
      '| what fails | what the client sees | what status shows |',
      '| --- | --- | --- |',
      ...failures.map(({ what, client, status = '' }) => `| ${what} | ${client} | ${status} |`),
      '',
    ].join('\n'),
  );
  return [INTRODUCTION, ...tables].join('\n');
}

if (import.meta.main) {
  const page = failuresPage(failureGroups());
  writeFileSync(join(DOCS, 'reference/failures.md'), page);
}
