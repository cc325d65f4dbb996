import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { agent, pod } from '../view/fixtures.ts';
import { redactedObject, redactedPod } from './redact.ts';
import { tar } from './tar.ts';

const SECRET = 'sk-hidden';

describe('a support bundle', () => {
  it('contains nothing of an agent that may be secret', () => {
    const { metadata, ...rest } = agent();
    const object = {
      ...rest,
      metadata: { ...metadata, annotations: { last: SECRET } },
      spec: {
        systemPrompt: SECRET,
        podTemplate: { spec: { containers: [{ env: [{ value: SECRET }] }] } },
        tools: [
          {
            name: 'find',
            http: {
              url: `https://u:${SECRET}@a.example/x?key=${SECRET}#f`,
              headers: [{ value: SECRET }],
            },
          },
        ],
        model: { endpoints: [{ name: 'primary', apiKeySecretRef: { name: 'anthropic' } }] },
      },
    };
    const text = JSON.stringify(redactedObject(object));
    expect(text).not.toContain(SECRET);
    expect(text).toContain('https://a.example/x?(left out)#f');
    expect(text).toContain('"apiKeySecretRef":{"name":"anthropic"}');
    expect(text).toContain('"conditions"');
  });

  it('contains nothing of a pod’s spec', () => {
    const { spec: _, ...rest } = pod('triage-a');
    const containers = [{ name: 'agent', image: 'runtime:1', env: [{ name: 'K', value: SECRET }] }];
    const text = JSON.stringify(redactedPod({ ...rest, spec: { containers } }));
    expect(text).not.toContain(SECRET);
    expect(text).toContain('"images":{"agent":"runtime:1"}');
  });

  it('is an archive that tar reads', () => {
    const entries = [
      { path: 'bundle/a.json', text: '{}' },
      { path: 'bundle/pods/b.log', text: 'ä'.repeat(600) },
    ];
    const input = tar(entries, new Date(0));
    expect(execFileSync('tar', ['-t'], { input }).toString()).toBe(
      'bundle/a.json\nbundle/pods/b.log\n',
    );
    const read = execFileSync('tar', ['-xO', 'bundle/pods/b.log'], { input }).toString();
    expect(read).toBe(entries[1]!.text);
  });
});
