/** The port in the option --port. Throws an Error that names the valid ports, of which `least` is the first. */
export function portOf(text: string, least: 0 | 1 = 1): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= least && port <= 65_535) return port;
  throw new Error(`--port is ${text}; it must be a whole number from ${least} to 65535`);
}
