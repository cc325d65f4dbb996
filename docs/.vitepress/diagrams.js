import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MERMAID = join(import.meta.dirname, '../node_modules/mermaid/dist/mermaid.min.js');
const CACHE = join(import.meta.dirname, 'cache/diagrams');
const FENCE = /^```mermaid\n(.*?)^```$/gms;
const THEMES = { light: 'neutral', dark: 'dark' };

/** Diagrams of pages as SVG by their source, for light and for dark; they are drawn once and kept. */
export async function drawDiagrams(texts) {
  const sources = texts.flatMap((text) => [...text.matchAll(FENCE)].map(([, source]) => source));
  const missing = sources.filter(
    (source) => !Object.keys(THEMES).every((theme) => existsSync(fileOf(source, theme))),
  );
  if (missing.length > 0) await draw(missing);
  return new Map(
    sources.map((source) => [
      source,
      Object.fromEntries(
        Object.keys(THEMES).map((theme) => [theme, readFileSync(fileOf(source, theme), 'utf8')]),
      ),
    ]),
  );
}

const version = JSON.parse(readFileSync(join(import.meta.dirname, '../package.json'), 'utf8'))
  .devDependencies.mermaid;

function fileOf(source, theme) {
  const hash = createHash('sha256').update(`${version}\n${source}`).digest('hex').slice(0, 16);
  return join(CACHE, `${hash}-${theme}.svg`);
}

async function draw(sources) {
  const { launch } = await import('./chromium.js');
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.setContent('<!doctype html>');
    await page.addScriptTag({ path: MERMAID });
    mkdirSync(CACHE, { recursive: true });
    for (const source of sources)
      for (const [theme, name] of Object.entries(THEMES))
        writeFileSync(fileOf(source, theme), await page.evaluate(drawn, [source, name]));
  } finally {
    await browser.close();
  }
}

/** Runs in the page. Labels are SVG text, because an image shows no HTML. */
async function drawn([source, theme]) {
  const { mermaid } = globalThis;
  mermaid.initialize({
    theme,
    htmlLabels: false,
    flowchart: { htmlLabels: false },
    fontFamily: 'sans-serif',
  });
  const { svg } = await mermaid.render('diagram', source);
  const { documentElement } = new globalThis.DOMParser().parseFromString(svg, 'text/html');
  const image = documentElement.querySelector('svg');
  // An image without a size takes the whole column.
  const [, , width, height] = image.getAttribute('viewBox').split(' ');
  image.setAttribute('width', width);
  image.setAttribute('height', height);
  return new globalThis.XMLSerializer().serializeToString(image);
}
