import { expect, it } from '@jest/globals';
import { sharedRendering } from './sharedRendering.ts';

it('all who ask at the same time share one rendering, and a later one gets a new one', async () => {
  let renderings = 0;
  const page = sharedRendering(() => Promise.resolve(`page ${(renderings += 1)}`));
  const first = await Promise.all([page(), page(), page()]);
  const second = await page();
  expect([...first, second].map(String)).toEqual(['page 1', 'page 1', 'page 1', 'page 2']);
});

it('a rendering that failed is not kept', async () => {
  let fails = true;
  const page = sharedRendering(() =>
    fails ? Promise.reject(new Error('no')) : Promise.resolve('page'),
  );
  await expect(page()).rejects.toThrow('no');
  fails = false;
  expect(String(await page())).toBe('page');
});

it('renderings take no more than a quarter of the processor', async () => {
  const busy = (): Promise<string> => {
    const before = process.threadCpuUsage();
    let used = 0;
    while (used < 20_000) used = process.threadCpuUsage(before).user;
    return Promise.resolve('page');
  };
  const page = sharedRendering(busy);
  const [cpu, wall] = [process.threadCpuUsage(), performance.now()];
  for (let i = 0; i < 6; i += 1) await page();
  const { user } = process.threadCpuUsage(cpu);
  expect(user / 1000 / (performance.now() - wall)).toBeLessThan(0.4);
});
