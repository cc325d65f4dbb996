import { ConnectionError } from './errors.ts';

/**
 * The non-empty lines of a stream of bytes. It joins bytes before it decodes them, because a chunk may end within a
 * character.
 * @throws ConnectionError if the stream ends within a line
 */
export async function* lines(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  for await (const chunk of stream) {
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, end));
      const line = Buffer.concat(pending).toString('utf8');
      pending = [];
      from = end + 1;
      if (line.trim() !== '') yield line;
    }
    if (from < chunk.length) pending.push(chunk.subarray(from));
  }
  if (pending.length > 0)
    throw new ConnectionError('The connection closed within a line of the watch');
}
