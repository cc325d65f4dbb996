/**
 * A bad manifest: the rule that it breaks, as `rules` names it; what differs from the smallest good
 * manifest (fields of spec one by one, unless spec is no object at all); and all that the API server
 * says, each message with its field.
 */
export type Row = [
  rule: string,
  difference: { metadata?: { name: string }; spec?: unknown },
  ...messages: string[],
];
