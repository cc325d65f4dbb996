import { posix } from 'node:path';

/** Has links out of docs/ lead to the files at `repository`, the address of a tree; absent: nowhere, as text. */
export function outerLinks(md, repository) {
  md.core.ruler.push('outer-links', ({ tokens, env }) => {
    for (const token of tokens.flatMap(({ children }) => children ?? [])) {
      if (token.type !== 'link_open') continue;
      const href = token.attrGet('href');
      if (/^([a-z][a-z0-9+.-]*:|#|\/)/i.test(href)) continue;
      const path = posix.join(posix.dirname(env.relativePath), href);
      if (!path.startsWith('../')) continue;
      if (repository) token.attrSet('href', `${repository}/${path.slice(3)}`);
      else token.attrs = token.attrs.filter(([name]) => name !== 'href');
    }
  });
}
