import { capacity, OUTAGE, PODS, REQUESTS_PER_SECOND } from './simulation.ts';
import type { Recovery, State } from './simulation.ts';

/** Seconds in the picture, one pixel each. */
const DRAWN = 510;
const PANEL = { width: DRAWN, rows: 200, served: 120, gap: 56, left: 56, top: 64 };
const WIDTH = 2 * PANEL.width + 3 * PANEL.left;
const HEIGHT = PANEL.top + PANEL.rows + PANEL.gap + PANEL.served + 56;
const LOAD = PODS * REQUESTS_PER_SECOND;
const COLOURS: Record<State, string> = { Closed: '#e6f4ea', Open: '#d93025', HalfOpen: '#f9ab00' };
const ROW = PANEL.rows / PODS;

/** An SVG with the states of the circuits of all pods and the served requests, before and after. */
export function picture(before: Recovery, after: Recovery): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    '<title>100 circuits after an outage of 300 s, before and after</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    panel('Before: 60s growing to 10m, all pods at once', before, PANEL.left),
    panel('After: 20 to 30s, requests wait for probes', after, 2 * PANEL.left + PANEL.width),
    legend(),
    '</svg>\n',
  ].join('\n');
}

function panel(title: string, { seconds, changes }: Recovery, left: number): string {
  const bottom = PANEL.rows + PANEL.gap + PANEL.served;
  const scale = (count: number): number => round(bottom - (PANEL.served * count) / LOAD);
  const line = (values: number[]): string =>
    values
      .slice(0, DRAWN)
      .map((value, second) => `${second},${scale(Math.min(value, LOAD))}`)
      .join(' ');
  return [
    `<g transform="translate(${left} ${PANEL.top})">`,
    `<text y="-12" font-size="14">${title}</text>`,
    `<text x="-8" y="${PANEL.rows / 2}" text-anchor="end">pods</text>`,
    `<rect width="${PANEL.width}" height="${PANEL.rows}" fill="${COLOURS.Closed}"/>`,
    states(changes, 'Open'),
    states(changes, 'HalfOpen'),
    `<text x="-8" y="${scale(LOAD) + 4}" text-anchor="end">${LOAD}/s</text>`,
    `<text x="-8" y="${bottom}" text-anchor="end">0</text>`,
    `<text y="${scale(LOAD) - 10}">requests served (blue), capacity of the provider (dashed)</text>`,
    `<polyline points="${line(seconds.map((_, second) => capacity(second)))}" fill="none" stroke="#888" stroke-dasharray="4 3"/>`,
    `<polyline points="${line(seconds.map(({ served }) => served))}" fill="none" stroke="#1a73e8" stroke-width="1.5"/>`,
    ...[OUTAGE.from, OUTAGE.to].map((at) => mark(at, bottom)),
    `<text x="${OUTAGE.from}" y="${bottom + 18}">the provider fails</text>`,
    `<text x="${OUTAGE.to}" y="${bottom + 18}">it is back with 20 %</text>`,
    '</g>',
  ].join('\n');
}

function mark(at: number, bottom: number): string {
  return `<line x1="${at}" x2="${at}" y1="0" y2="${bottom + 6}" stroke="#000" stroke-opacity="0.4"/>`;
}

/** Draws one line for each time that a circuit was in the state. */
function states(changes: Recovery['changes'], state: State): string {
  const strokes: string[] = [];
  for (let pod = 0; pod < PODS; pod += 1) {
    const own = changes.filter((change) => change.pod === pod);
    for (const [i, { at, to }] of own.entries()) {
      if (to !== state || at >= DRAWN * 1000) continue;
      const until = Math.min(own[i + 1]?.at ?? Infinity, DRAWN * 1000);
      // Anything shorter than a second would be invisible.
      const length = Math.max((until - at) / 1000, 1);
      strokes.push(`M${round(at / 1000)} ${round((pod + 0.5) * ROW)}h${round(length)}`);
    }
  }
  if (strokes.length === 0) throw new Error(`no circuit was ever ${state}: nothing would be drawn`);
  return `<path d="${strokes.join('')}" stroke="${COLOURS[state]}" stroke-width="${ROW}" fill="none"/>`;
}

function legend(): string {
  const entries = (Object.keys(COLOURS) as State[]).map((state, i) => {
    const x = PANEL.left + 90 * i;
    return `<rect x="${x}" y="14" width="14" height="14" fill="${COLOURS[state]}" stroke="#888"/><text x="${x + 20}" y="26">${state}</text>`;
  });
  const what = `${PODS} pods × ${REQUESTS_PER_SECOND} requests/s; 1 px is 1 s; the provider is down for ${OUTAGE.to - OUTAGE.from} s`;
  return [...entries, `<text x="${PANEL.left + 290}" y="26">${what}</text>`].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
