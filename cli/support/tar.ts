/** Size of the blocks of files and archives. */
const BLOCK = 512;
const MODE = '0000644';

/** A file in an archive. Its path must be shorter than 100 bytes. */
export interface Entry {
  path: string;
  text: string;
}

/** The files as a tar archive in the ustar format (POSIX.1-1988). */
export function tar(entries: readonly Entry[], modified: Date): Buffer {
  const parts = entries.flatMap(({ path, text }) => {
    const content = Buffer.from(text);
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    return [header(path, content.length, modified), content, padding];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

function header(path: string, size: number, modified: Date): Buffer {
  const block = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(path) >= 100) throw new Error(`${path} is too long for an archive`);
  block.write(path, 0);
  block.write(MODE, 100);
  block.write('0000000', 108);
  block.write('0000000', 116);
  block.write(octal(size, 11), 124);
  block.write(octal(Math.floor(modified.getTime() / 1000), 11), 136);
  block.write('0', 156);
  block.write('ustar\u000000', 257);
  // The checksum is that of the header with spaces in its own field.
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 6)}\0 `, 148);
  return block;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}
