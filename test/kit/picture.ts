import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';

const IMAGES = join(import.meta.dirname, '../../docs/images');
/** Bytes that a picture has at most. */
const MOST = 60_000;
/** Height that a picture has at most, in pixels. */
const MOST_PIXELS = 900;
/** Bytes of a picture of nothing, at most. */
const BLANK = 4_000;

/** Takes a picture of the page from its top to its end, light and dark. `make pictures` keeps it in docs/images. */
export async function takePicture(page: Page, name: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    const { width = 0, height = 0 } = (await page.locator('body').boundingBox()) ?? {};
    const { data } = await session.send('Page.captureScreenshot', {
      ...{ format: 'webp', quality: 80, captureBeyondViewport: true },
      clip: { x: 0, y: 0, width, height: Math.min(height, MOST_PIXELS), scale: 1 },
    });
    const picture = Buffer.from(data, 'base64');
    expect(picture.length).toBeGreaterThan(BLANK);
    expect(picture.length).toBeLessThan(MOST);
    if (process.env['KEEP_PICTURES'] === '1')
      await writeFile(join(IMAGES, `${name}-${colorScheme}.webp`), picture);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await session.detach();
}
