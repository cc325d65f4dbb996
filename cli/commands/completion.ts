import { EXIT, type Command } from '../terminal/command.ts';
import { completionScript } from '../completion/scripts.ts';

export const completion: Command = {
  summary: 'print a script that makes a shell complete commands: bash, zsh or fish',
  positional: 'SHELL',
  subject: 'shell',
  options: {},
  run: ({ context, positionals }) => {
    context.stdout.write(completionScript(positionals[0]!));
    return Promise.resolve(EXIT.fine);
  },
};
