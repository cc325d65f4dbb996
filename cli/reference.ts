/** Makes docs/reference/command.md of the help of each command. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMMANDS, help } from './program.ts';

export const PAGE = join(import.meta.dirname, '../docs/reference/command.md');
const PROGRAM = 'kubectl breakwater';

const INTRODUCTION = `<!-- Generated from the help of the commands by \`make generate\`; do not edit. -->

# The command

What \`breakwater --help\` says. \`npm ci && npm link\` in a checkout puts it on your PATH as \`breakwater\` and as \`kubectl breakwater\`.
`;

export function commandPage(): string {
  const names = Object.keys(COMMANDS);
  return [
    INTRODUCTION,
    block(help(PROGRAM)),
    ...names.map((name) => `## ${name}\n\n${block(help(PROGRAM, name))}`),
  ].join('\n');
}

const block = (text: string): string => `\`\`\`\n${text.trimEnd()}\n\`\`\`\n`;

if (import.meta.main) writeFileSync(PAGE, commandPage());
