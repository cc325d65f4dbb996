/** The pages of the site in the order of the sidebar, by what their reader wants. Runbooks and decisions have an index each. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  Tutorials: ['local', 'first-hour'],
  'How-to guides': [
    ...['install', 'outages', 'prompt-caches', 'circuits', 'limits', 'operations'],
    ...['conversations', 'tools', 'corporate-networks', 'meshes', 'agents', 'scaling'],
    ...['monitoring', 'on-call', 'troubleshooting', 'one-request', 'logs', 'tracing', 'audit'],
    ...['incidents', 'prompt-injection', 'argo-cd', 'cookbook'],
  ],
  Reference: [
    ...['reference/api', 'reference/deprecated', 'reference/constants', 'reference/metrics'],
    ...[
      'reference/operator-metrics',
      'reference/failures',
      'reference/guides',
      'scale',
      'versions',
      'api-versions',
      'glossary',
    ],
  ],
  Explanation: ['concepts', 'architecture', 'security', 'comparison', 'capability-level'],
};

/** Former paths of pages, which lead to the new ones for two minor versions. */
export const MOVED: Readonly<Record<string, string>> = {
  'failure-scenarios': 'reference/failures', // 0.2
};

const UNLISTED = /^(index\.md|runbooks\/|decisions\/)/;

/** What is wrong with the table, for files of `docs/` such as `limits.md`. */
export function faultsOf(files: readonly string[]): string[] {
  const listed = Object.values(PAGES).flat();
  const paths = files.filter((file) => !UNLISTED.test(file)).map((file) => file.slice(0, -3));
  return [
    ...paths
      .filter((path) => !listed.includes(path))
      .map((path) => `docs/${path}.md is an orphan: list it in lint/pages.ts`),
    ...listed
      .filter((path) => !paths.includes(path))
      .map((path) => `lint/pages.ts lists ${path}, and there is no docs/${path}.md`),
  ];
}
