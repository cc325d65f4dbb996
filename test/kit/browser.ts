import AxeCore from 'axe-core';
import { chromium, type Browser, type Page } from 'playwright-core';
import { which } from '../cluster/common/command.ts';

/** Starts the Chromium of this machine. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: which('chromium'), args: ['--no-sandbox'] });
}

/** What axe finds against WCAG 2.2 AA, a line for each element. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(AxeCore.source);
  const { violations } = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof AxeCore };
    const values = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
    return axe.run({ runOnly: { type: 'tag', values } });
  });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
}

/** Whether the page is wider than its window. */
export async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate<boolean>(
    'document.documentElement.scrollWidth > document.documentElement.clientWidth',
  );
}
