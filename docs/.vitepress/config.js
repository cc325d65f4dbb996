import { Buffer } from 'node:buffer';
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { defineConfig } from 'vitepress';
import { anchorOf } from '../../lint/links.ts';
import { faultsOf, GUIDES, MOVED, PAGES } from '../../lint/pages.ts';
import { countWords, longSentences } from '../../lint/prose.ts';
import { drawDiagrams } from './diagrams.js';
import { outerLinks } from './links.js';

const DOCS = join(import.meta.dirname, '..');

const files = globSync('{*,{reference,runbooks,decisions}/*}.md', { cwd: DOCS });
const textOf = (file) => readFileSync(join(DOCS, file), 'utf8');
const titleOf = (path) => /^# (.*)$/m.exec(textOf(`${path}.md`))[1].replaceAll('`', '');
const link = (path, text = titleOf(path)) => ({ text, link: `/${path}` });

const listOf = (folder) => ({
  text: titleOf(`${folder}/README`),
  items: files
    .filter((file) => file.startsWith(`${folder}/`) && !file.endsWith('README.md'))
    .sort()
    .map((file) => link(file.replace(/\.md$/, ''))),
});

const faults = faultsOf(files);
if (faults.length > 0) throw new Error(faults.join('\n'));
const diagrams =
  process.env.DIAGRAMS === 'off'
    ? new Map()
    : await drawDiagrams(files.map((file) => textOf(file)));

function image(svg, theme) {
  const source = `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
  return `<img class="diagram ${theme}-only" alt="Diagram; its source is in the page’s Markdown" src="${source}">`;
}

function drawFences(md) {
  const { fence } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) => {
    const drawn = tokens[index].info.trim() === 'mermaid' && diagrams.get(tokens[index].content);
    if (!drawn) return fence(tokens, index, ...rest);
    return Object.entries(drawn)
      .map(([theme, svg]) => image(svg, theme))
      .join('');
  };
}

/** A picture NAME-light.webp has a twin NAME-dark.webp. */
function pairImages(md) {
  const { image: draw } = md.renderer.rules;
  md.renderer.rules.image = (tokens, index, ...rest) => {
    const src = tokens[index].attrGet('src');
    const html = draw(tokens, index, ...rest);
    if (!src.endsWith('-light.webp')) return html;
    const twin = html.replace('-light.webp', '-dark.webp');
    return `${classed(html, 'light-only')}${classed(twin, 'dark-only')}`;
  };
}

const classed = (html, name) => html.replace('<img', `<img class="${name}"`);

/** Long paths may break in the cells of tables. */
function breakPaths(md) {
  md.renderer.rules.code_inline = (tokens, index) => {
    const code = md.utils
      .escapeHtml(tokens[index].content)
      .replaceAll(/(?<=\w[/.])(?=\w)/g, '<wbr>');
    return `<code v-pre>${code}</code>`;
  };
}

/** What the search knows of a page. Decisions and the page on the guides speak to maintainers. */
function searched(source, env, md) {
  const html = md.render(source, env);
  return /^(decisions\/|reference\/guides)/.test(env.relativePath) ? '' : html;
}

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

/** Prints figures of the build: pages of the site, and words and long sentences of its guides. */
function printFigures() {
  const guides = GUIDES.map((page) => textOf(`${page}.md`));
  const figures = {
    docs_pages: files.length,
    docs_words: total(guides.map((text) => countWords(text))),
    docs_long_sentences: total(guides.map((text) => longSentences(text).length)),
    docs_seconds: Math.round(process.uptime()),
  };
  for (const [name, value] of Object.entries(figures))
    process.stdout.write(`figure ${name} ${value}\n`);
}

export default defineConfig({
  title: 'Breakwater',
  description: 'Keeps LLM agents on Kubernetes up when their dependencies fail',
  lang: 'en',
  cleanUrls: true,
  outDir: join(DOCS, '../dist/docs'),
  buildEnd: ({ outDir }) => {
    for (const [from, to] of Object.entries(MOVED))
      writeFileSync(
        join(outDir, `${from}.html`),
        `<!doctype html><meta http-equiv="refresh" content="0; url=${to}">\n`,
      );
    printFigures();
  },
  rewrites: { ':folder/README.md': ':folder/index.md' },
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => {
      outerLinks(md, process.env.REPOSITORY);
      drawFences(md);
      pairImages(md);
      breakPaths(md);
    },
  },
  themeConfig: {
    search: { provider: 'local', options: { _render: searched } },
    outline: [2, 3],
    nav: [link('first-hour'), link('runbooks/', 'Runbooks'), link('decisions/', 'Decisions')],
    sidebar: {
      '/decisions/': [listOf('decisions')],
      '/runbooks/': [listOf('runbooks')],
      '/': Object.entries(PAGES).map(([text, paths]) => ({
        text,
        items: paths.map((path) => link(path)),
      })),
    },
  },
});
