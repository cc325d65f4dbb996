/** What pods are told that no field of an agent changes. docs/reference/constants.md lists it. */

/** Time without a byte before the first content block of a stream, and in an answer that is passed on unread. */
export const TRANSPORT_IDLE_MS = 45_000;
