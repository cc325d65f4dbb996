import type Anthropic from '@anthropic-ai/sdk';
import { isBlank } from '../messages/messages.ts';

/** A part of a result. `data` and `blob` are base64. */
export interface Part {
  type: string;
  text?: string;
  data?: string;
  mimeType?: string;
  uri?: string;
  resource?: { uri?: string; text?: string; blob?: string; mimeType?: string };
}

/** Blocks that the Messages API accepts as the result of a tool. */
export type ResultBlock =
  Anthropic.TextBlockParam | Anthropic.ImageBlockParam | Anthropic.DocumentBlockParam;

/** What the model sees of a result: only text as text, everything else as blocks. */
export type ShownContent = string | ResultBlock[];

/** Binary data with its type, as an MCP server sends it. */
interface Binary {
  mimeType?: string | undefined;
  /** Base64. */
  data?: string | undefined;
}

type ImageType = Anthropic.Base64ImageSource['media_type'];

const IMAGES: Record<string, ImageType> = {
  'image/jpeg': 'image/jpeg',
  'image/jpg': 'image/jpeg',
  'image/png': 'image/png',
  'image/gif': 'image/gif',
  'image/webp': 'image/webp',
};
const PDF = 'application/pdf';
const TEXT = /^(text\/|application\/(.*\+)?(json|xml|yaml)$)/;

/** The parts of a result in order, up to `max` bytes. Binary data is included whole or not at all. */
export function shownContent(parts: readonly Part[], max: number): ShownContent {
  let left = max;
  const blocks: ResultBlock[] = [];
  for (const part of parts) {
    const block = blockOf(part);
    const size = sizeOf(block);
    if (size <= left) {
      blocks.push(block);
    } else {
      blocks.push(shortened(block, { left, max, size }));
      // Parts after a truncated text would read as if nothing were missing.
      if (block.type === 'text') break;
    }
    left = Math.max(0, left - (size <= left || block.type === 'text' ? size : 0));
  }
  if (!blocks.every((block) => block.type === 'text')) {
    return blocks.filter((block) => !isBlank(block));
  }
  return blocks.map(({ text }) => text).join('\n');
}

function text(value: string): Anthropic.TextBlockParam {
  return { type: 'text', text: value };
}

function blockOf(part: Part): ResultBlock {
  if (part.type === 'text') return text(part.text ?? '');
  if (part.type === 'image') return binary(part);
  if (part.type === 'resource_link') return text(part.uri ?? '');
  if (part.type !== 'resource' || !part.resource) return text(`[${part.type} left out]`);
  const { mimeType, text: words, blob } = part.resource;
  return words === undefined ? binary({ mimeType, data: blob }) : text(words);
}

function binary({ mimeType = 'unknown type', data = '' }: Binary): ResultBlock {
  const [type = ''] = mimeType.toLowerCase().split(';', 1);
  if (data === '') return text(`[0 bytes of ${type} left out]`);
  const image = Object.hasOwn(IMAGES, type) ? IMAGES[type] : undefined;
  if (image) return { type: 'image', source: { type: 'base64', media_type: image, data } };
  if (type === PDF) {
    return { type: 'document', source: { type: 'base64', media_type: PDF, data } };
  }
  if (TEXT.test(type)) return text(Buffer.from(data, 'base64').toString('utf8'));
  return text(`[${bytesOf(data)} bytes of ${type} left out]`);
}

function bytesOf(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}

function sizeOf(block: ResultBlock): number {
  if (block.type === 'text') return Buffer.byteLength(block.text);
  const { source } = block;
  return source.type === 'base64' ? bytesOf(source.data) : 0;
}

function shortened(
  block: ResultBlock,
  { left, max, size }: { left: number; max: number; size: number },
): Anthropic.TextBlockParam {
  if (block.type !== 'text') {
    return text(`[${block.type} of ${size} bytes left out: the model may see ${max} bytes]`);
  }
  return text(cut(block.text, left, max));
}

/** The first `max` bytes of a text, with a note if that is not all. */
export function cutText(text: string, max: number): string {
  return Buffer.byteLength(text) <= max ? text : cut(text, max, max);
}

function cut(text: string, left: number, max: number): string {
  const shown = Buffer.from(text).subarray(0, left).toString('utf8');
  return `${shown}\n[The answer is longer; it was cut off after ${max} bytes.]`;
}
