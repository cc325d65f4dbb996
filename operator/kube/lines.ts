import { ConnectionError } from './errors.ts';

/**
 * Lines of a stream of bytes, empty ones left out. Bytes are joined before they are decoded, so that a
 * character or a line may be cut anywhere.
 * @throws ConnectionError when the stream ends in the middle of a line.
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
  if (pending.length > 0) throw new ConnectionError('The stream ended in the middle of a line');
}
