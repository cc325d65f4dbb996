import { EXIT, type Command } from '../terminal/command.ts';
import { readManifests } from '../manifests/files.ts';
import { Inventory } from '../manifests/inventory.ts';
import { checks } from '../manifests/kinds.ts';
import { render as renderObjects } from '../render/render.ts';
import { FILENAME } from './filename.ts';

export const render: Command = {
  summary: 'print the objects that the operator would make of the manifests at PATH',
  options: {
    ...FILENAME,
    image: {
      type: 'string',
      default: 'breakwater-runtime',
      value: 'IMAGE',
      help: 'image of the runtime for agents without spec.image',
    },
  },
  required: ['filename'],
  run: async ({ values, context }) => {
    const inventory = new Inventory(checks(), context.date);
    const { faults } = inventory.load(await readManifests(values['filename'] as string));
    const { yaml, problems } = renderObjects(inventory.objects(), values['image'] as string);
    context.stdout.write(yaml);
    const wrong = [
      ...faults.map(({ file, line, message }) => `${file}:${line}: ${message}`),
      ...problems,
    ];
    for (const text of wrong) context.stderr.write(`${text}\n`);
    return wrong.length > 0 ? EXIT.problem : EXIT.fine;
  },
};
