import type { Row } from './row.ts';

/** Bad targets, the same for each kind of policy. */
export const targets: Row[] = [
  [
    '$.spec.targetRefs rule 0',
    { spec: { targetRefs: [{ name: 'triage' }, { name: 'billing' }, { name: 'triage' }] } },
    'spec.targetRefs: Invalid value: "array": must not name the same target twice; remove one',
  ],
  [
    '$.spec.targetRefs[*] required name',
    { spec: { targetRefs: [{}] } },
    'spec.targetRefs[0].name: Required value',
  ],
  [
    '$.spec.targetRefs[*].sectionName rule 0',
    { spec: { targetRefs: [{ name: 'triage', sectionName: 'primary' }] } },
    'spec.targetRefs[0].sectionName: Invalid value: "string": must be program, or model/, tool/ or mcp/ and a name, such as model/primary',
  ],
  [
    '$.spec.targetSelectors[*] required matchLabels',
    { spec: { targetRefs: undefined, targetSelectors: [{}] } },
    'spec.targetSelectors[0].matchLabels: Required value',
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
    '$.spec.targetSelectors[*].matchLabels.* rule 0',
    { spec: { targetRefs: undefined, targetSelectors: [{ matchLabels: { tier: 'gold!' } }] } },
    "spec.targetSelectors[0].matchLabels[tier]: Invalid value: \"string\": must be a value that a label can have, which holds letters, digits, '-', '_' and '.', and starts and ends with a letter or digit, such as gold",
  ],
];
