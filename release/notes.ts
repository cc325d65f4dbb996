/**
 * Notes of a release: what users must know, from the changelog, and the commits since the one before. Throws an Error
 * when the changelog says nothing.
 */
export function notes(version: string, changelog: string, commits: readonly string[]): string {
  const told = section(changelog, version) ?? section(changelog, 'Unreleased');
  if (!told)
    throw new Error(`CHANGELOG.md has no section ${version}, and nothing under Unreleased`);
  const list = commits.map((subject) => `- ${subject}`).join('\n');
  return `${told}

<details><summary>${commits.length} commits</summary>

${list}

</details>
`;
}

/** The text below a heading of the second level; undefined when there is no such heading. */
function section(text: string, heading: string): string | undefined {
  const [, ...sections] = text.split(/^## /m);
  const found = sections.find((each) => each.split('\n', 1)[0]!.trim() === heading);
  return found?.slice(found.indexOf('\n')).trim();
}
