/** Looks at the built site in Chromium: `make docs-check`. It ends with 1 and names what a reader could not see or find. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';
import { launch } from './chromium.js';

const SITE = join(import.meta.dirname, '../../dist/docs');
const TYPES = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const WIDTHS = [1200, 390];
const MAX_INDEX_BYTES = 100_000;

/** What people type, and the page that answers it. */
const QUESTIONS = {
  '429 why': 'on-call',
  'circuit stays open': 'on-call',
  'client key rotate': 'clients',
  'prompt cache session': 'outages',
  'helm rollback': 'install',
  'proxy certificate': 'networks',
  'scale by load KEDA': 'pods',
  'audit verify': 'one-request',
  'prompt injection block': 'incidents',
  'limit for each client': 'limits',
};

const server = createServer((request, response) => {
  const path = join(SITE, new globalThis.URL(request.url, 'http://site').pathname);
  const file = [path, `${path}.html`, join(path, 'index.html')].find(
    (name) => extname(name) !== '' && existsSync(name),
  );
  response.writeHead(file === undefined ? 404 : 200, {
    'content-type': TYPES[extname(file ?? '')] ?? 'application/octet-stream',
  });
  response.end(file === undefined ? '' : readFileSync(file));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
const origin = `http://127.0.0.1:${server.address().port}`;

/** Runs in the page: what does not fit, or shows nothing. */
function faultsOfPage() {
  const { documentElement: root } = globalThis.document;
  const images = [...globalThis.document.querySelectorAll('.vp-doc img')].filter(
    (image) => globalThis.getComputedStyle(image).display !== 'none',
  );
  const boxes = [...globalThis.document.querySelectorAll('.vp-doc :is(p, li, td, th, h1, h2, h3)')];
  return [
    ...(root.scrollWidth > root.clientWidth ? ['scrolls sideways'] : []),
    ...images
      .filter(
        ({ complete, naturalWidth, width, height }) =>
          !complete || !naturalWidth || !width || !height,
      )
      .map(({ src }) => `shows an empty image, ${src.slice(0, 60)}`),
    ...boxes
      .filter((box) => box.scrollWidth > box.clientWidth + 1 && box.clientWidth > 0)
      .map((box) => `has text outside its box: ${box.textContent.slice(0, 60)}`),
  ];
}

async function faultsOfPages(browser) {
  const page = await browser.newPage();
  const faults = [];
  const paths = globSync('{*,{reference,runbooks,decisions}/*}.html', { cwd: SITE })
    .filter((file) => !readFileSync(join(SITE, file), 'utf8').includes('http-equiv="refresh"'))
    .map((file) => file.replace(/(index)?\.html$/, ''))
    .filter((path) => path !== '404');
  for (const path of paths) {
    await page.goto(`${origin}/${path}`, { waitUntil: 'load' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 });
      for (const dark of [false, true]) {
        await page.evaluate(
          (on) => globalThis.document.documentElement.classList.toggle('dark', on),
          dark,
        );
        const found = await page.evaluate(faultsOfPage);
        faults.push(
          ...found.map((fault) => `/${path} at ${width} px, ${dark ? 'dark' : 'light'}: ${fault}`),
        );
      }
    }
  }
  process.stdout.write(`figure docs_pages_seen ${paths.length}\n`);
  return faults;
}

async function faultsOfSearch(browser) {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 } });
  const faults = [];
  for (const [question, wanted] of Object.entries(QUESTIONS)) {
    await page.goto(`${origin}/`, { waitUntil: 'networkidle' });
    await page.keyboard.press('Control+k');
    await page.fill('#localsearch-input', question);
    await page.waitForSelector('#localsearch-list a');
    const found = await page.$$eval('#localsearch-list a', (links) =>
      links.map((link) => new globalThis.URL(link.href).pathname.slice(1)),
    );
    const first = [...new Set(found)].slice(0, 3);
    if (!first.includes(wanted))
      faults.push(`the search for “${question}” finds ${first.join(', ')}, and not ${wanted}`);
  }
  return faults;
}

function faultsOfIndex() {
  const [file] = globSync('assets/chunks/@localSearchIndex*.js', { cwd: SITE });
  const bytes = gzipSync(readFileSync(join(SITE, file))).length;
  process.stdout.write(`figure docs_index_gzip ${bytes}\n`);
  return bytes > MAX_INDEX_BYTES ? [`the index of the search has ${bytes} bytes, compressed`] : [];
}

const browser = await launch();
try {
  const faults = [
    ...faultsOfIndex(),
    ...(await faultsOfPages(browser)),
    ...(await faultsOfSearch(browser)),
  ];
  for (const fault of faults) process.stderr.write(`${fault}\n`);
  process.stdout.write(`figure docs_faults ${faults.length}\n`);
  if (faults.length > 0) process.exitCode = 1;
} finally {
  await browser.close();
  server.close();
}
