import { describe, expect, it } from '@jest/globals';
import type { AgentDeployment, CircuitBreakerPolicy } from '../../crds/generated/types.ts';
import type { AgentAttachment } from '../desired/policies/attachment.ts';
import { versionsText } from './attachedVersions.ts';

const agent = { metadata: { name: 'a', uid: 'agent', generation: 1 } } as AgentDeployment;
const policy = (uid: string, generation: number): CircuitBreakerPolicy =>
  ({ metadata: { name: uid, uid, generation } }) as CircuitBreakerPolicy;
const attachment = (...held: [string, CircuitBreakerPolicy][]): AgentAttachment => ({
  agent,
  circuits: new Map(held),
  limits: new Map(),
});

describe('versionsText', () => {
  const one = attachment(['model/x', policy('p', 1)], ['model/y', policy('q', 4)]);

  it('does not depend on order', () => {
    const other = attachment(['model/y', policy('q', 4)], ['model/x', policy('p', 1)]);
    expect(versionsText(other)).toBe(versionsText(one));
  });

  it('tells generations and holders apart', () => {
    const edited = attachment(['model/x', policy('p', 2)], ['model/y', policy('q', 4)]);
    expect(versionsText(edited)).not.toBe(versionsText(one));
    expect(versionsText(edited, 'p')).not.toBe(versionsText(one, 'p'));
    expect(versionsText(edited, 'q')).toBe(versionsText(one, 'q'));
  });
});
