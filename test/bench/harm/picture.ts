import { FAULT_MS } from './scenarios.ts';
import { shareRatio, variantName } from './table.ts';
import type { Row } from './table.ts';

const CELL = { width: 118, height: 20 };
const LEFT = 250;
const TOP = 82;

const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;

/** Green where more is served through the runtime, red where less. */
function colour(value: number | undefined): string {
  if (value === undefined) return '#eee';
  if (value < 0.98) return '#f28b82';
  if (value < 1.005) return '#f1f3f4';
  return value < 1.1 ? '#ceead6' : '#81c995';
}

/** An SVG table: requests served without and with the runtime, by scenario and variant. `pods` have played each. */
export function picture(rows: readonly Row[], pods: number): string {
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))];
  const variants = [...new Set(rows.map(({ variant }) => variantName(variant)))];
  const width = LEFT + variants.length * CELL.width + 16;
  const height = TOP + scenarios.length * CELL.height + 16;
  const cells = rows.map((row) => {
    const x = LEFT + variants.indexOf(variantName(row.variant)) * CELL.width;
    const y = TOP + scenarios.indexOf(row.scenario) * CELL.height;
    const { direct, through } = row;
    const text = `${percent(direct.served, direct.asked)} → ${percent(through.served, through.asked)}`;
    return (
      `<rect x="${x}" y="${y}" width="${CELL.width - 2}" height="${CELL.height - 2}" fill="${colour(shareRatio(row))}"/>` +
      `<text x="${x + CELL.width / 2}" y="${y + 13}" text-anchor="middle">${text}</text>`
    );
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    '<title>Requests served without and with Breakwater, by fault</title>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    '<text x="12" y="22" font-size="14">Requests served: clients alone → the same clients through Breakwater with its defaults</text>',
    `<text x="12" y="40">Faults of ${FAULT_MS / 1000} s, in virtual time; the sums of ${pods === 1 ? 'one pod' : `${pods} pods`}. Fresh: the pod starts with the fault.</text>`,
    ...variants.map(
      (name, index) =>
        `<text x="${LEFT + (index + 0.5) * CELL.width}" y="${TOP - 8}" text-anchor="middle">${name}</text>`,
    ),
    ...scenarios.map(
      (name, index) => `<text x="12" y="${TOP + index * CELL.height + 13}">${name}</text>`,
    ),
    ...cells,
    '</svg>\n',
  ].join('\n');
}
