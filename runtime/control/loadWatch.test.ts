import { describe, expect, it } from '@jest/globals';
import type { Load } from '../../contract/generated/types.ts';
import { LoadWatch } from './loadWatch.ts';

function watch(): { load: Load; watch: LoadWatch } {
  const load = { inFlight: 0, queued: 0, capacity: 16, accepts: true };
  return { load, watch: new LoadWatch(() => ({ ...load })) };
}

describe('the load of a pod', () => {
  it('is reported at once after a change by an eighth of the places, but not after less', () => {
    const { load, watch: seen } = watch();
    expect(seen.withLessRoom()).toBeUndefined();
    load.inFlight = 1;
    expect(seen.withLessRoom()).toBeUndefined();
    load.inFlight = 2;
    expect(seen.withLessRoom()).toMatchObject({ inFlight: 2 });
    expect(seen.withLessRoom()).toBeUndefined();
  });

  it('is reported at once when requests begin to wait or the pod shuts down', () => {
    const { load, watch: seen } = watch();
    load.queued = 1;
    expect(seen.withLessRoom()).toMatchObject({ queued: 1 });
    const other = watch();
    other.load.accepts = false;
    expect(other.watch.withLessRoom()).toMatchObject({ accepts: false });
  });

  it('is reported within a second when places become free, and within five when only figures change', () => {
    const { load, watch: seen } = watch();
    load.inFlight = 16;
    expect(seen.withLessRoom()).toBeDefined();
    load.inFlight = 4;
    expect(seen.withLessRoom()).toBeUndefined();
    expect(seen.changed()).toMatchObject({ inFlight: 4 });
    load.inFlight = 5;
    const told = Array.from({ length: 8 }, () => seen.changed());
    expect(told.filter((each) => each !== undefined)).toHaveLength(1);
    expect(told.slice(0, 5)).toContainEqual(expect.objectContaining({ inFlight: 5 }));
  });
});
