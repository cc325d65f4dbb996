/** Draws docs/images/served.svg, a few rows of docs/images/harm.svg as bars: `make bench-harm` writes both. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const IMAGES = join(import.meta.dirname, '../../../docs/images');
export const TABLE = join(IMAGES, 'harm.svg');
export const PICTURE = join(IMAGES, 'served.svg');

/** Rows of the table, and what the picture calls them. */
const FAULTS: Readonly<Record<string, string>> = {
  outage: 'the provider is down for two minutes',
  'half the load': 'it serves half the load',
  'flapping 5 s': 'it is down every other 5 s',
  'errors after message_start': 'one in five streams breaks',
  'one bad model': 'one of its models is down',
  '30 % 401': 'it refuses 30 % of the calls with 401',
  '60 % 429': 'it refuses 60 % of the calls with 429',
};
const RATE = '10/s';
const BARS = [
  { name: 'without Breakwater', fill: '#9aa0a6' },
  { name: 'with Breakwater', fill: '#8ab4f8' },
  { name: 'with Breakwater and a second endpoint', fill: '#34a853' },
];
const LEFT = 270;
const FULL = 460;
const BAR = 12;
const ROW = 52;
const TOP = 56;

/** The bars, by the cells of the table. */
export function servedPicture(table: string): string {
  const rows = Object.entries(FAULTS).map(([fault, name]) => ({
    name,
    shares: shares(table, fault),
  }));
  const width = LEFT + FULL + 60;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${TOP + rows.length * ROW}" width="${width}" font-family="sans-serif" font-size="12">`,
    '<title>Share of requests served during a fault of the provider, without and with Breakwater</title>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    '<text x="12" y="20" font-size="14">Requests served while a provider fails, of clients that retry twice</text>',
    ...BARS.map(
      ({ name, fill }, index) =>
        `<rect x="${12 + index * 170}" y="30" width="12" height="12" fill="${fill}"/><text x="${30 + index * 170}" y="40">${name}</text>`,
    ),
    ...rows.flatMap(({ name, shares: all }, row) => [
      `<text x="12" y="${TOP + row * ROW + 24}">${name}</text>`,
      ...all.map((share, index) => {
        const y = TOP + row * ROW + 2 + index * (BAR + 3);
        const length = (share / 100) * FULL;
        return (
          `<rect x="${LEFT}" y="${y}" width="${length}" height="${BAR}" fill="${BARS[index]!.fill}"/>` +
          `<text x="${LEFT + length + 6}" y="${y + 11}">${share} %</text>`
        );
      }),
    ]),
    '</svg>\n',
  ].join('\n');
}

/** Percent served without, with, and with a healthy fallback. */
function shares(table: string, fault: string): number[] {
  const alone = cell(table, fault, `${RATE}, alone`);
  const fallback = cell(table, fault, `${RATE}, fallback`);
  return [alone[0]!, alone[1]!, fallback[1]!];
}

function cell(table: string, fault: string, variant: string): number[] {
  const y = position(table, fault, 'y');
  const x = position(table, variant, 'x');
  const text = new RegExp(`<text x="${x}" y="${y}"[^>]*>(\\d+) % → (\\d+) %<`).exec(table);
  if (text === null) throw new Error(`the table has no cell for ${fault} at ${variant}`);
  return [Number(text[1]), Number(text[2])];
}

function position(table: string, text: string, axis: 'x' | 'y'): string {
  const escaped = text.replaceAll(/[/%]/g, '\\$&');
  const found = new RegExp(`<text x="([\\d.]+)" y="([\\d.]+)"[^>]*>${escaped}</text>`).exec(table);
  if (found === null) throw new Error(`the table has no ${text}`);
  return found[axis === 'x' ? 1 : 2]!;
}

export const drawServed = (): void =>
  writeFileSync(PICTURE, servedPicture(readFileSync(TABLE, 'utf8')));

if (import.meta.main) drawServed();
