import type { Row } from './row.ts';

const PATH = '$.spec.security';

/** A row about one part of security. */
function row(rule: string, part: object, message: string): Row {
  return [`${PATH}.${rule}`, { spec: { security: part } }, `spec.security.${message}`];
}

const CENTS = { maxCents: 50, inputCentsPerMillionTokens: 300, outputCentsPerMillionTokens: 1500 };

/** The price list without one of its figures. */
function without(name: keyof typeof CENTS): object {
  const { [name]: _, ...rest } = CENTS;
  return { runGuard: { cost: rest } };
}

/** Bad manifests of AgentDeployments, by what they screen. */
export const rows: Row[] = [
  row(
    'incidents.rules[*] required type',
    { incidents: { rules: [{ count: 5 }] } },
    'incidents.rules[0].type: Required value',
  ),
  row(
    'incidents.rules[*] required count',
    { incidents: { rules: [{ type: 'RateLimitAbuse' }] } },
    'incidents.rules[0].count: Required value',
  ),
  row(
    'incidents.rules[*] rule 0',
    { incidents: { rules: [{ type: 'RateLimitAbuse', count: 5, within: '60s' }] } },
    'incidents.rules[0].within: Invalid value: "object": must go with level; set level as well, or remove it',
  ),
  row(
    'incidents.rules[*] rule 1',
    {
      incidents: { rules: [{ type: 'RateLimitAbuse', count: 1001, within: '60s', level: 'High' }] },
    },
    'incidents.rules[0].count: Invalid value: "object": must be at most 1000 with within',
  ),
  row(
    'incidents.rules[*].within rule 0',
    { incidents: { rules: [{ type: 'RateLimitAbuse', count: 5, within: '0s', level: 'High' }] } },
    'incidents.rules[0].within: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 60s or 10m',
  ),
  row(
    'promptInjection.sources unique',
    { promptInjection: { sources: [{ source: 'Messages' }, { source: 'Messages' }] } },
    'promptInjection.sources[1]: Duplicate value: {"source":"Messages"}',
  ),
  row(
    'promptInjection.sources[*] required source',
    { promptInjection: { sources: [{ threshold: 50 }] } },
    'promptInjection.sources[0].source: Required value',
  ),
  row(
    'promptInjection.ruleSets unique',
    { promptInjection: { ruleSets: ['Guides', 'Guides'] } },
    'promptInjection.ruleSets[1]: Duplicate value: "Guides"',
  ),
  row(
    'promptInjection.patterns unique',
    {
      promptInjection: {
        patterns: [
          { name: 'falcon', pattern: 'falcon' },
          { name: 'falcon', pattern: 'osprey' },
        ],
      },
    },
    'promptInjection.patterns[1]: Duplicate value: {"name":"falcon"}',
  ),
  row(
    'promptInjection.patterns[*] required name',
    { promptInjection: { patterns: [{ pattern: 'falcon' }] } },
    'promptInjection.patterns[0].name: Required value',
  ),
  row(
    'promptInjection.patterns[*] required pattern',
    { promptInjection: { patterns: [{ name: 'falcon' }] } },
    'promptInjection.patterns[0].pattern: Required value',
  ),
  row(
    'promptInjection.patterns[*].name rule 0',
    { promptInjection: { patterns: [{ name: 'Falcon', pattern: 'falcon' }] } },
    'promptInjection.patterns[0].name: Invalid value: "string": must be lower-case letters, digits and -, such as project-name',
  ),
  row(
    'promptInjection.patterns[*].pattern rule 0',
    { promptInjection: { patterns: [{ name: 'all', pattern: '.*' }] } },
    'promptInjection.patterns[0].pattern: Invalid value: "string": must not match every text; a pattern that is no RE2 is refused too',
  ),
  row(
    'promptInjection.patterns[*].sources unique',
    {
      promptInjection: {
        patterns: [{ name: 'falcon', pattern: 'falcon', sources: ['UserInput', 'UserInput'] }],
      },
    },
    'promptInjection.patterns[0].sources[1]: Duplicate value: "UserInput"',
  ),
  row(
    'promptInjection.detector required url',
    { promptInjection: { detector: {} } },
    'promptInjection.detector.url: Required value',
  ),
  row(
    'promptInjection.detector.url rule 0',
    { promptInjection: { detector: { url: 'guard:8080' } } },
    'promptInjection.detector.url: Invalid value: "string": must be an http or https URL without a user or a fragment, such as http://guard.security:8080/check',
  ),
  row(
    'promptInjection.detector.timeout rule 0',
    { promptInjection: { detector: { url: 'http://guard', timeout: '0s' } } },
    'promptInjection.detector.timeout: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 500ms or 2s',
  ),
  row(
    'promptInjection.exempt unique',
    { promptInjection: { exempt: ['find', 'find'] } },
    'promptInjection.exempt[1]: Duplicate value: "find"',
  ),
  row(
    'secrets.sources unique',
    { secrets: { sources: ['Prompts', 'Prompts'] } },
    'secrets.sources[1]: Duplicate value: "Prompts"',
  ),
  row(
    'runGuard.exempt unique',
    { runGuard: { exempt: ['find', 'find'] } },
    'runGuard.exempt[1]: Duplicate value: "find"',
  ),
  row(
    'runGuard.maxDuration rule 0',
    { runGuard: { maxDuration: '0s' } },
    'runGuard.maxDuration: Invalid value: "string": must be a duration longer than 0s, written with the units h, m, s and ms, such as 2m',
  ),
  row(
    'runGuard.cost required maxCents',
    without('maxCents'),
    'runGuard.cost.maxCents: Required value',
  ),
  row(
    'runGuard.cost required inputCentsPerMillionTokens',
    without('inputCentsPerMillionTokens'),
    'runGuard.cost.inputCentsPerMillionTokens: Required value',
  ),
  row(
    'runGuard.cost required outputCentsPerMillionTokens',
    without('outputCentsPerMillionTokens'),
    'runGuard.cost.outputCentsPerMillionTokens: Required value',
  ),
];
