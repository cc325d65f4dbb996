import { describe, expect, it } from '@jest/globals';
import xterm from '@xterm/headless';
import { LiveScreen } from './liveScreen.ts';

/** A screen, and the content of its terminal. */
function open(rows: number, before = ''): { screen: LiveScreen; seen: () => Promise<string[]> } {
  const terminal = new xterm.Terminal({ cols: 20, rows, allowProposedApi: true, convertEol: true });
  terminal.write(before);
  const write = (text: string): void => terminal.write(text);
  const seen = async (): Promise<string[]> => {
    await new Promise<void>((resolve) => terminal.write('', resolve));
    const { active } = terminal.buffer;
    return Array.from({ length: rows }, (_, at) => active.getLine(at)!.translateToString(true));
  };
  return { screen: new LiveScreen({ isTTY: true, columns: 20, rows, write }), seen };
}

describe('LiveScreen', () => {
  it('erases the rest of a longer text', async () => {
    const { screen, seen } = open(4);
    screen.show(['a long line', 'another', 'third']);
    screen.show(['short', 'b']);
    expect(await seen()).toEqual(['short', 'b', '', '']);
  });

  it('states how many lines do not fit', async () => {
    const { screen, seen } = open(3);
    screen.show(['1', '2', '3', '4', '5']);
    expect(await seen()).toEqual(['1', '2', '… 3 more lines']);
  });

  it('restores the former screen', async () => {
    const { screen, seen } = open(3, '$ earlier\n');
    screen.show(['table']);
    expect(await seen()).toEqual(['table', '', '']);
    screen.close();
    expect(await seen()).toEqual(['$ earlier', '', '']);
  });
});
