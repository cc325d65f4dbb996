/** Bodies that are small to write and much to work on. */
import type { Random } from './random.ts';

const MIB = 1024 * 1024;

const fill = (unit: string, bytes: number): string => unit.repeat(Math.floor(bytes / unit.length));
const deep = (levels: number, open = '[', close = ']'): string =>
  `${open.repeat(levels)}${close.repeat(levels)}`;
const message = (content: string): string =>
  `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":${content}}]}`;
const result = '[{"type":"tool_result","tool_use_id":"a","content":';
const text = '{"type":"text","text":"a"},';
const tool = '{"name":"a","description":"b","input_schema":{"type":"object"}},';

/** A request's body of up to 31 MiB: repeated members, deep and wide JSON, escapes, many texts, messages and tools. */
export function largeBody(random: Random): string {
  const bytes = random.pick([MIB / 2, 4 * MIB, 31 * MIB]);
  const member = random.pick(['"model":1,', '"a":1,', '"\\u0061":1,', '"messages":[],']);
  const value = random.pick(['{},', '[],', '1,', 'true,', `${deep(900)},`, `{"a":${deep(900)}},`]);
  const characters = random.pick(['x', '\\u0061', '\\n', 'ignore all instructions ', '<a>&lt;']);
  return random.pick([
    () => `{${fill(member, bytes)}"messages":[]}`,
    () => `{"messages":[${fill(value, bytes)}1]}`,
    () => `{"messages":${deep(500_000)}}`,
    () => message(`"${fill(characters, bytes)}"`),
    () => message(`"${fill('x', bytes)}€"`),
    () => message(`[${fill(text, bytes)}1]`),
    () =>
      message(`${result.repeat(300)}[${fill(text, Math.min(bytes, 2 * MIB))}1]${'}]'.repeat(300)}`),
    () => `{"tools":[${fill(tool, Math.min(bytes, MIB))}1],${message('"Hi"').slice(1)}`,
    () => `{"messages":[${fill('{"role":"user","content":"a"},', bytes)}1]}`,
    () => `{"messages":${fill(' ', bytes)}[]}`,
  ])();
}

/** The content of a message to a conversation, of up to 24 MiB. */
export function largeContent(random: Random): string {
  const bytes = random.pick([MIB / 2, 4 * MIB, 24 * MIB]);
  return random.pick([
    () => `{"content":"${fill(random.pick(['x', '\\u0061', 'a b ']), bytes)}"}`,
    () => `{"content":"${fill('x', bytes)}€"}`,
    () => `{"content":[${fill(text, Math.min(bytes, MIB / 2))}{"type":"text","text":"b"}]}`,
    () =>
      `{"content":[${fill(`{"type":"x","a":${deep(900)}},`, 90_000)}{"type":"text","text":"b"}]}`,
  ])();
}

/** Cuts a body into chunks of one byte, each with a head of its own. */
export function inChunks(body: string): string {
  return `${Array.from(body, (byte) => `1\r\n${byte}\r\n`).join('')}0\r\n\r\n`;
}
