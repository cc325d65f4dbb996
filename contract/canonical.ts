import { hash } from 'node:crypto';

/**
 * JSON with sorted keys and no white space. Leaves out undefined fields, as JSON.stringify does. Hashes that users pin
 * depend on it, so it stays as it is: RFC 8785 sorts keys that are numbers otherwise, and refuses half a character
 * (docs/decisions/2026-11-25-two-canonical-forms.md).
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    isPlainObject(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** `sha256:` and the hex digest of the value's canonical JSON. */
export function canonicalHash(value: unknown): string {
  return `sha256:${hash('sha256', canonicalJson(value))}`;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
