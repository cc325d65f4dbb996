import type { Protocol, RequestMembers } from '../../protocols/protocol.ts';
import type { AnswerFacts } from '../../protocols/usage.ts';
import type { Attributes } from '../../../tracing/span.ts';
import { ATTRIBUTES } from './names.ts';

/** Longest attribute; drops the oldest messages of a longer one. */
const MAX_LENGTH = 128 * 1024;
/** Most bytes of JSON that can fit: \u0061 takes six for one character. */
const MAX_BYTES = 6 * MAX_LENGTH;

/** The content of a request as attributes. `members`: where the members of the body are, which is valid JSON. */
export function inputContent(
  protocol: Protocol,
  body: Buffer,
  members: RequestMembers,
): Attributes {
  const { messages, instructions } = protocol.tracedRequest(body, members, MAX_BYTES);
  return {
    ...(messages && { [ATTRIBUTES.inputMessages]: fitting(messages) }),
    ...(instructions && { [ATTRIBUTES.systemInstructions]: fitting(instructions) }),
  };
}

/** The content of an answer as attributes. */
export function outputContent(protocol: Protocol, facts: AnswerFacts): Attributes {
  return { [ATTRIBUTES.outputMessages]: fitting([protocol.tracedAnswer(facts)]) };
}

function fitting(all: readonly object[]): string {
  const texts = all.map((each) => JSON.stringify(each));
  let length = texts.reduce((sum, text) => sum + text.length + 1, 2);
  let first = 0;
  while (first < texts.length && length > MAX_LENGTH) {
    length -= texts[first]!.length + 1;
    first += 1;
  }
  return `[${texts.slice(first).join(',')}]`;
}
