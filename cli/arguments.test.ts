import { describe, expect, it } from '@jest/globals';
import { parseCommand } from './arguments.ts';

describe('parseCommand', () => {
  it('reads the commands', () => {
    expect(parseCommand(['local', '-f', 'd', '--simulate', '--port', '9000'])).toEqual({
      name: 'local',
      path: 'd',
      simulate: true,
      port: 9000,
    });
    expect(parseCommand(['render', '--filename', 'd'])).toMatchObject({
      name: 'render',
      path: 'd',
    });
    expect(parseCommand([])).toEqual({ name: 'help' });
    expect(parseCommand(['--version'])).toEqual({ name: 'version' });
  });

  it.each([
    [['serve'], 'write local or render'],
    [['local'], 'breakwater local -f PATH'],
    [['local', 'd'], 'write paths as -f PATH'],
    [['local', '-f', 'd', '--port', '0'], 'from 1 to 65535'],
    [['local', '--prot', '1'], '--prot'],
  ])('says what to write instead of %j', (args, message) => {
    expect(() => parseCommand(args)).toThrow(message);
  });
});
