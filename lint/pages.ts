/** The pages of the site in the order of the sidebar, by what their reader wants. Runbooks and decisions have an index each. */
export const PAGES: Readonly<Record<string, readonly string[]>> = {
  Tutorials: ['local', 'first-hour'],
  'How-to guides': [
    ...['install', 'outages', 'circuits', 'limits', 'clients'],
    ...['conversations', 'program', 'networks', 'pods'],
    ...['monitoring', 'on-call', 'one-request'],
    ...['incidents', 'argo-cd', 'change-safely', 'cookbook', 'sdk'],
  ],
  Reference: [
    ...['reference/api', 'reference/deprecated', 'reference/constants', 'reference/command'],
    ...[
      'reference/metrics',
      'reference/operator-metrics',
      'reference/logs-spans-events',
      'reference/failures',
    ],
    ...[
      'reference/attacks',
      'reference/routes',
      'reference/guides',
      'reference/answers',
      'reference/sizes',
      'versions',
      'glossary',
    ],
  ],
  Explanation: ['concepts', 'architecture', 'security', 'comparison'],
};

/** Pages that list what the code has, one row for each. The rules of English hold for the other pages. */
const TABLES = [
  ...['reference/api', 'reference/deprecated', 'reference/constants', 'reference/command'],
  ...[
    'reference/metrics',
    'reference/operator-metrics',
    'reference/failures',
    'reference/attacks',
    'reference/guides',
    'reference/answers',
  ],
];

/** Pages of sentences, which people wrote. */
export const GUIDES = ['index', ...Object.values(PAGES).flat()].filter(
  (page) => !TABLES.includes(page),
);

/** Former paths of pages, which lead to the new ones for two minor versions. */
export const MOVED: Readonly<Record<string, string>> = {
  // 0.2
  'failure-scenarios': 'reference/failures',
  agents: 'pods',
  'api-versions': 'versions',
  'capability-level': 'comparison#capability-level',
  'corporate-networks': 'networks',
  audit: 'one-request#turn-the-audit-on',
  logs: 'reference/logs-spans-events#lines-of-the-log',
  meshes: 'networks#service-meshes',
  operations: 'reference/routes',
  'prompt-caches': 'outages#keep-prompt-caches-warm',
  'prompt-injection': 'incidents#prompt-injection',
  scale: 'reference/sizes',
  scaling: 'pods',
  tools: 'conversations',
  troubleshooting: 'on-call',
  tracing: 'one-request#turn-traces-on',
};

const UNLISTED = /^(index\.md|runbooks\/|decisions\/)/;

/** What is wrong with the tables, for files of `docs/` such as `limits.md`. */
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
