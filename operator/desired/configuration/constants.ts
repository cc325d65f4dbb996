/** The operator sends these constants to pods, and no field changes them. docs/reference/constants.md lists them. */

/** Last events of the audit that a pod keeps in memory, for queries. */
export const AUDIT_MEMORY_EVENTS = 1000;

/** Events that wait in memory for each place where they are kept, in bytes. */
export const AUDIT_BUFFER_BYTES = 1_048_576;

/** Events that wait on disk for the collector of the audit, in bytes. */
export const AUDIT_QUEUE_BYTES = 67_108_864;

/** Time after which the success of a client that was let in before from the same address is an event again. */
export const AUTHENTICATION_INTERVAL_MS = 3_600_000;

/** Credentials that are not accepted which one address may show, in a minute and at once. */
export const AUTH_FAILURES_PER_MINUTE = 60;

/** Addresses whose failures each pod counts by themselves; further ones are counted together. */
export const AUTH_FAILURE_ADDRESSES = 10_000;

/** How the public keys of the issuer of tokens are fetched and kept. */
export const JWT_KEYS = {
  /** Time for one request to jwksURL, its answer included. */
  timeoutMs: 5000,
  /** Age from which keys are fetched again in the background. */
  refreshMs: 300_000,
  /** Age up to which keys serve while they cannot be fetched again. */
  maxAgeMs: 86_400_000,
  /** Time between two fetches, so that tokens with made-up keys do not cause many. */
  cooldownMs: 10_000,
};

export const INCIDENTS = {
  /** Longest time between two detections of one incident. */
  windowMs: 600_000,
  /** Clients and addresses that each pod tells apart. */
  maxTracked: 1000,
  /** The level rises a step each time that the count of the incident is multiplied by this. */
  raiseAt: 10,
  /** Addresses with failed authentication within the window that are an incident of their own. */
  manySources: 10,
  /** Tokens of a client in an hour: over so many times the mean of its hours before, and at least minTokens. */
  spend: { factor: 5, hours: 24, minTokens: 100_000 },
};

/** Time without a byte before the first content block of a stream, and in an answer that is passed on unread. */
export const TRANSPORT_IDLE_MS = 45_000;
