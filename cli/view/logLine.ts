/** A readable form of a line of a runtime's log. Returns a line that is not JSON unchanged. */
export function logLine(line: string): string {
  const { time, level, msg, ...rest } = parsed(line) ?? {};
  if (typeof msg !== 'string') return line;
  const at = new Date(time as string);
  const clock = Number.isNaN(at.getTime()) ? '' : at.toISOString().slice(11, 23);
  const word = typeof level === 'string' ? level.toUpperCase() : '';
  const fields = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return [clock, word.padEnd(5), msg, ...fields].join(' ');
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
