import type { LastCalls } from './observe/lastCalls.ts';
import type { Metrics } from './observe/metrics.ts';
import type { Performance } from './observe/performance.ts';
import type { Ended } from './exchange/response.ts';
import type { End } from './observe/tally.ts';
import type { Events } from './events.ts';

export interface Measures {
  metrics: Metrics;
  lastCalls: LastCalls;
  performance: Performance;
}

/** Counts events in metrics and in the figures of reports. */
export function measureEvents(events: Events, { metrics, lastCalls, performance }: Measures): void {
  events.on('attempt', (call) => {
    const { dependency, outcome, duration, errorType } = call;
    metrics.modelCall(call);
    lastCalls.record(dependency, outcome);
    performance.record('model', duration * 1000, endOf(errorType), nameOf(dependency));
  });
  events.on('retry', ({ dependency, reason }) => metrics.retry(dependency, reason));
  events.on('fallback', ({ from, to }) => metrics.fallback(from, to));
  events.on('passedOver', ({ dependency, obstacle }) => metrics.passedOver(dependency, obstacle));
  events.on('session', (atItsEndpoint) => metrics.session(atItsEndpoint ? 'hit' : 'moved'));
  events.on('cacheLookup', (tier, result) => metrics.cacheLookup(tier, result));
  events.on('toolCall', (tool, status, seconds) => {
    metrics.toolCall(tool, status, seconds);
    if (status === 'cached') return;
    const worked = status === 'ok' || status === 'error';
    performance.record('tool', seconds * 1000, endOf(worked ? '' : status), tool);
  });
  events.on('toolOutcome', (dependency, outcome) => lastCalls.record(dependency, outcome));
  events.on('requestEnded', (route, served, seconds) => {
    metrics.served(route, served, seconds);
    // The sibling that served the request records it.
    if (served.reason === 'Forwarded') return;
    performance.record('request', seconds * 1000, endOfRequest(served));
  });
  events.on('forwarded', (end) => metrics.forwarded(end.toLowerCase()));
  events.on('configuration', (offer) => metrics.reload(offer.toLowerCase()));
  events.on('identityRefresh', (cloud, { result }) => metrics.identityRefresh(cloud, result));
  events.on('spans', (result, count) => metrics.spans(result, count));
}

const endOf = (error: string): End => (error === '' ? 'ok' : { failed: error });

function endOfRequest({ reason, failed, status = 0 }: Ended): End {
  if (failed) return { failed: reason };
  return reason === 'ClientGone' || (status >= 400 && status < 500) ? 'clientError' : 'ok';
}

/** Name of a dependency's endpoint. */
function nameOf(dependency: string): string {
  return dependency.slice(dependency.indexOf('/') + 1);
}
