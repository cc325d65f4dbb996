import type { IncomingMessage, ServerResponse } from 'node:http';

/** What health is judged by. */
export interface HealthFacts {
  configured(): boolean;
  listening(): boolean;
  leaving(): boolean;
  /** Milliseconds that the event loop is late. */
  lagMs(): number;
}

type Check = (facts: HealthFacts) => { ok: boolean; detail?: string };

/** A loop later than this is better spared new requests, in milliseconds. */
const MAX_LAG_MS = 1000;

const configuration: Check = (facts) => ({ ok: facts.configured() });
const listeners: Check = (facts) => ({ ok: facts.listening() });
const shutdown: Check = (facts) => ({ ok: !facts.leaving() });
const eventLoop: Check = (facts) => {
  const lag = Math.round(facts.lagMs());
  return { ok: lag < MAX_LAG_MS, detail: `${lag} ms late` };
};
/** That this runs at all is the proof. */
const turns: Check = () => ({ ok: true });

/**
 * Start-up: a configuration is in force and the listeners are up. Live: the event loop turns,
 * nothing else, so that an outage of the model never restarts pods. Ready: may take requests; an
 * open circuit is not unready.
 */
const PROBES: Record<string, Record<string, Check>> = {
  '/health': { configuration, listeners },
  '/health/live': { eventLoop: turns },
  '/health/ready': { configuration, listeners, shutdown, eventLoop },
};

/** Answers /health, /health/live and /health/ready with JSON; says whether it was one of them. */
export function healthRoute(
  facts: HealthFacts,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (!Object.hasOwn(PROBES, path) || !isRead(request.method)) return false;
    const results = Object.entries(PROBES[path]!).map(([name, check]) => [name, check(facts)]);
    const components = Object.fromEntries(results) as Record<string, ReturnType<Check>>;
    const ok = Object.values(components).every((each) => each.ok);
    const body = JSON.stringify({ status: ok ? 'ok' : 'unavailable', components });
    response.writeHead(ok ? 200 : 503, { 'content-type': 'application/json' });
    response.end(request.method === 'HEAD' ? undefined : `${body}\n`);
    return true;
  };
}

function isRead(method: string | undefined): boolean {
  return method === 'GET' || method === 'HEAD';
}
