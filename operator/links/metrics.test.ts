import { expect, it } from '@jest/globals';
import { collectDefaultMetrics } from 'prom-client';
import { harness } from '../testing/linksHarness.ts';
import { target } from '../testing/messages.ts';

/** Processor time of this thread, in milliseconds. */
function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

it('a page of metrics with links to 10,000 pods of 5,000 agents holds the operator for less than 100 ms', async () => {
  const { links, registry, sockets, lead } = harness({
    connects: { first: Infinity, repeated: Infinity },
  });
  collectDefaultMetrics({ register: registry });
  links.setTargets(
    Array.from({ length: 10_000 }, (_, n) => target(n, { agent: `agent-${n >> 1}` })),
  );
  expect(sockets).toHaveLength(10_000);
  // The whole page is made in one turn of the event loop. The first one compiles code.
  const pages: { text: string; ms: number }[] = [];
  for (let i = 0; i < 5; i += 1) {
    const before = threadMs();
    const text = await registry.metrics();
    pages.push({ text, ms: threadMs() - before });
  }
  expect(pages[0]!.text).toContain('breakwater_links{state="connecting"} 10000\n');
  expect(Math.min(...pages.map(({ ms }) => ms))).toBeLessThan(100);
  lead.abort();
});
