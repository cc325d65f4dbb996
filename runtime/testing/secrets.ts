/** Invented secrets. Each is joined from parts, so that scanners of code do not report it. */

export const GITHUB_KEY = `ghp_${'wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx'}`;

/** A private key as PEM with a number of lines. */
export function privateKey(lines: number): string {
  const [begin, end] = ['BEGIN', 'END'].map((edge) => `-----${edge} RSA PRIVATE KEY-----`);
  return [begin, 'MIIEpAIBAAKCAQEA'.repeat(lines), end].join('\n');
}
