import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import { defaultCircuit, resolved, RESOLVED, type Parts } from './resolved.ts';

/** A configuration with one endpoint, model/primary, and no policies. */
export function content(parts: Parts<Content> = {}): Content {
  return resolved(parts);
}

/** The circuit of model/primary. By default it opens for 1 min, growing to 10 min. */
export function circuitOf(parts: Partial<Circuit> = {}): Circuit {
  return {
    ...defaultCircuit('model/primary'),
    openDurationMs: 60_000,
    maxOpenDurationMs: 600_000,
    ...parts,
  };
}

/** A limit on requests to the agent. By default 10 per second with bursts of 100. */
export function limitOf(parts: Partial<Limit> = {}): Limit {
  return { ...RESOLVED.limits[0]!, requires: [], ...parts };
}
