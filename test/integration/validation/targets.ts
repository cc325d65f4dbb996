import type { Row } from './row.ts';

/** Bad targets, the same for each kind of policy. */
export const targets: Row[] = [
  [
    '$.spec.targetRefs type',
    { spec: { targetRefs: 'text' } },
    'spec.targetRefs: Invalid value: "string": spec.targetRefs in body must be of type array: "string"',
  ],
  [
    '$.spec.targetRefs minItems',
    { spec: { targetRefs: [] } },
    'spec.targetRefs: Invalid value: 0: spec.targetRefs in body should have at least 1 items',
  ],
  [
    '$.spec.targetRefs maxItems',
    {
      spec: { targetRefs: Array.from({ length: 17 }, (_, index) => ({ name: `agent-${index}` })) },
    },
    'spec.targetRefs: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.targetRefs rule 0',
    { spec: { targetRefs: [{ name: 'triage' }, { name: 'billing' }, { name: 'triage' }] } },
    'spec.targetRefs: Invalid value: "array": must not name the same target twice; remove one',
  ],
  [
    '$.spec.targetRefs[*] type',
    { spec: { targetRefs: ['text'] } },
    'spec.targetRefs[0]: Invalid value: "string": spec.targetRefs[0] in body must be of type object: "string"',
  ],
  [
    '$.spec.targetRefs[*] required name',
    { spec: { targetRefs: [{}] } },
    'spec.targetRefs[0].name: Required value',
  ],
  [
    '$.spec.targetRefs[*].group type',
    { spec: { targetRefs: [{ name: 'triage', group: 3 }] } },
    'spec.targetRefs[0].group: Invalid value: "integer": spec.targetRefs[0].group in body must be of type string: "integer"',
    'spec.targetRefs[0].group: Unsupported value: 3: supported values: "breakwater.dev"',
  ],
  [
    '$.spec.targetRefs[*].group enum',
    { spec: { targetRefs: [{ name: 'triage', group: 'Other' }] } },
    'spec.targetRefs[0].group: Unsupported value: "Other": supported values: "breakwater.dev"',
  ],
  [
    '$.spec.targetRefs[*].kind type',
    { spec: { targetRefs: [{ name: 'triage', kind: 3 }] } },
    'spec.targetRefs[0].kind: Invalid value: "integer": spec.targetRefs[0].kind in body must be of type string: "integer"',
    'spec.targetRefs[0].kind: Unsupported value: 3: supported values: "AgentDeployment"',
  ],
  [
    '$.spec.targetRefs[*].kind enum',
    { spec: { targetRefs: [{ name: 'triage', kind: 'Other' }] } },
    'spec.targetRefs[0].kind: Unsupported value: "Other": supported values: "AgentDeployment"',
  ],
  [
    '$.spec.targetRefs[*].name type',
    { spec: { targetRefs: [{ name: 3 }] } },
    'spec.targetRefs[0].name: Invalid value: "integer": spec.targetRefs[0].name in body must be of type string: "integer"',
  ],
  [
    '$.spec.targetRefs[*].name minLength',
    { spec: { targetRefs: [{ name: '' }] } },
    'spec.targetRefs[0].name: Invalid value: "": spec.targetRefs[0].name in body should be at least 1 chars long',
  ],
  [
    '$.spec.targetRefs[*].name maxLength',
    { spec: { targetRefs: [{ name: 'a'.repeat(53) }] } },
    'spec.targetRefs[0].name: Too long: may not be more than 52 bytes',
  ],
  [
    '$.spec.targetRefs[*].sectionName type',
    { spec: { targetRefs: [{ name: 'triage', sectionName: 3 }] } },
    'spec.targetRefs[0].sectionName: Invalid value: "integer": spec.targetRefs[0].sectionName in body must be of type string: "integer"',
  ],
  [
    '$.spec.targetRefs[*].sectionName maxLength',
    { spec: { targetRefs: [{ name: 'triage', sectionName: 'a'.repeat(70) }] } },
    'spec.targetRefs[0].sectionName: Too long: may not be more than 69 bytes',
  ],
  [
    '$.spec.targetRefs[*].sectionName rule 0',
    { spec: { targetRefs: [{ name: 'triage', sectionName: 'primary' }] } },
    'spec.targetRefs[0].sectionName: Invalid value: "string": must be model/, tool/ or mcp/ and a name, such as model/primary',
  ],
  [
    '$.spec.targetSelectors type',
    { spec: { targetRefs: undefined, targetSelectors: 'text' } },
    'spec.targetSelectors: Invalid value: "string": spec.targetSelectors in body must be of type array: "string"',
  ],
  [
    '$.spec.targetSelectors minItems',
    { spec: { targetRefs: undefined, targetSelectors: [] } },
    'spec.targetSelectors: Invalid value: 0: spec.targetSelectors in body should have at least 1 items',
  ],
  [
    '$.spec.targetSelectors maxItems',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: Array.from({ length: 17 }, () => ({ matchLabels: { tier: 'gold' } })),
      },
    },
    'spec.targetSelectors: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.targetSelectors[*] type',
    { spec: { targetRefs: undefined, targetSelectors: ['text'] } },
    'spec.targetSelectors[0]: Invalid value: "string": spec.targetSelectors[0] in body must be of type object: "string"',
  ],
  [
    '$.spec.targetSelectors[*] required matchLabels',
    { spec: { targetRefs: undefined, targetSelectors: [{}] } },
    'spec.targetSelectors[0].matchLabels: Required value',
  ],
  [
    '$.spec.targetSelectors[*].group type',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { tier: 'gold' }, group: 3 }],
      },
    },
    'spec.targetSelectors[0].group: Invalid value: "integer": spec.targetSelectors[0].group in body must be of type string: "integer"',
    'spec.targetSelectors[0].group: Unsupported value: 3: supported values: "breakwater.dev"',
  ],
  [
    '$.spec.targetSelectors[*].group enum',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { tier: 'gold' }, group: 'Other' }],
      },
    },
    'spec.targetSelectors[0].group: Unsupported value: "Other": supported values: "breakwater.dev"',
  ],
  [
    '$.spec.targetSelectors[*].kind type',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { tier: 'gold' }, kind: 3 }],
      },
    },
    'spec.targetSelectors[0].kind: Invalid value: "integer": spec.targetSelectors[0].kind in body must be of type string: "integer"',
    'spec.targetSelectors[0].kind: Unsupported value: 3: supported values: "AgentDeployment"',
  ],
  [
    '$.spec.targetSelectors[*].kind enum',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { tier: 'gold' }, kind: 'Other' }],
      },
    },
    'spec.targetSelectors[0].kind: Unsupported value: "Other": supported values: "AgentDeployment"',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels type',
    { spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: 'text' }] } },
    'spec.targetSelectors[0].matchLabels: Invalid value: "string": spec.targetSelectors[0].matchLabels in body must be of type object: "string"',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels minProperties',
    { spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: {} }] } },
    'spec.targetSelectors[0].matchLabels: Invalid value: 0: spec.targetSelectors[0].matchLabels in body should have at least 1 properties',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels maxProperties',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [
          {
            matchLabels: Object.fromEntries(
              Array.from({ length: 17 }, (_, index) => [`label-${index}`, 'x']),
            ),
          },
        ],
      },
    },
    'spec.targetSelectors[0].matchLabels: Too many: 17: must have at most 16 items',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels rule 0',
    {
      spec: {
        targetRefs: undefined,
        targetSelectors: [{ matchLabels: { 'service tier': 'gold' } }],
      },
    },
    'spec.targetSelectors[0].matchLabels: Invalid value: "object": must have keys that a label can have, such as tier or example.com/tier',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels.* type',
    { spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: { tier: 3 } }] } },
    'spec.targetSelectors[0].matchLabels.tier: Invalid value: "integer": spec.targetSelectors[0].matchLabels.tier in body must be of type string: "integer"',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels.* maxLength',
    {
      spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: { tier: 'a'.repeat(64) } }] },
    },
    'spec.targetSelectors[0].matchLabels.tier: Too long: may not be more than 63 bytes',
  ],
  [
    '$.spec.targetSelectors[*].matchLabels.* rule 0',
    { spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: { tier: 'gold!' } }] } },
    "spec.targetSelectors[0].matchLabels[tier]: Invalid value: \"string\": must be a value that a label can have, which holds letters, digits, '-', '_' and '.', and starts and ends with a letter or digit, such as gold",
  ],
];
