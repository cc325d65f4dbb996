import { writeFile } from 'node:fs/promises';
import { readManifests } from '../manifests/files.ts';
import { migrate as migrateText } from '../manifests/migrate.ts';
import { EXIT, type Command } from '../terminal/command.ts';
import { FILENAME } from './filename.ts';

export const migrate: Command = {
  summary: 'rewrite the manifests at PATH that have renamed or removed fields',
  options: {
    ...FILENAME,
    check: {
      type: 'boolean',
      help: 'write nothing, and end with status 1 if there is something to rewrite',
    },
  },
  required: ['filename'],
  run: async ({ values, context }) => {
    const check = values['check'] === true;
    const files = await readManifests(values['filename'] as string);
    let changes = 0;
    let faults = 0;
    for (const [file, text] of files) {
      const migration = migrateText(text, file.endsWith('.json'));
      if (!check && migration.changes.length > 0) await writeFile(file, migration.text);
      context.stdout.write(migration.changes.map((line) => `${file}: ${line}\n`).join(''));
      context.stderr.write(migration.faults.map((line) => `${file}: ${line}\n`).join(''));
      changes += migration.changes.length;
      faults += migration.faults.length;
    }
    if (changes + faults === 0) context.stdout.write('Nothing is to be rewritten.\n');
    return faults > 0 || (check && changes > 0) ? EXIT.problem : EXIT.fine;
  },
};
