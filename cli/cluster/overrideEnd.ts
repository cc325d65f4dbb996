import type { Call, Option } from '../terminal/command.ts';
import { durationOf } from './duration.ts';

/** Options of the commands that override a policy for a time. */
export const FOR = {
  for: {
    type: 'string',
    value: 'DURATION',
    help: 'how long, such as 10m or 1d; pods end it themselves',
  },
  reason: { type: 'string', value: 'TEXT', help: 'why, for status and Events' },
} satisfies Record<string, Option>;

/** Longest reason that the API takes. */
const MAX_REASON = 128;

/** End and reason of an override, for a merge patch. null removes the reason of an earlier one. */
export function endOf({ values, context }: Pick<Call, 'values' | 'context'>): {
  expiresAt: string;
  reason: string | null;
} {
  const ms = durationOf(values['for'] as string, '--for');
  const reason = values['reason'] as string | undefined;
  if (reason !== undefined && reason.length > MAX_REASON) {
    throw new Error(`--reason has ${reason.length} characters; at most ${MAX_REASON} fit`);
  }
  const end = new Date(context.date().getTime() + ms);
  return { expiresAt: end.toISOString().replace(/\.\d+Z$/, 'Z'), reason: reason ?? null };
}
