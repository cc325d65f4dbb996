/** What pods are told that no field of an agent changes. docs/reference/constants.md lists it. */

/** Last events of the audit that a pod keeps in memory, for queries. */
export const AUDIT_MEMORY_EVENTS = 1000;

/** Events that wait in memory for each place where they are kept, in bytes. */
export const AUDIT_BUFFER_BYTES = 1_048_576;

/** Events that wait on disk for the collector of the audit, in bytes. */
export const AUDIT_QUEUE_BYTES = 67_108_864;

/** Time after which the success of a client that was let in before from the same address is an event again. */
export const AUTHENTICATION_INTERVAL_MS = 3_600_000;

/** Time without a byte before the first content block of a stream, and in an answer that is passed on unread. */
export const TRANSPORT_IDLE_MS = 45_000;
