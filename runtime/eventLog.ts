import type { Logger } from 'pino';
import type { Clock } from './guard/clock.ts';
import { clockAdvice } from './model/identity/problem.ts';
import { GateLog } from './observe/gateLog.ts';
import type { Module } from './observe/log.ts';
import type { Events } from './events.ts';

/** Writes events into the log. */
export function logEvents(
  events: Events,
  { clock, log }: { clock: Clock; log: (module: Module) => Logger },
): void {
  const gates = new GateLog(log('guard'), () => clock.date());
  events.on('gate', (gate) => gates.note(gate));
  events.on('transition', ({ dependency, model, from, to, reason }) => {
    log('guard').warn({ dependency, model, from, to, reason }, 'Circuit changed its state');
  });
  events.on('limitStore', (up, reason) => {
    if (up) log('guard').info('Redis serves limits again');
    else {
      const message = 'Redis does not serve limits; withoutLeader decides for each key';
      log('guard').warn({ reason }, message);
    }
  });
  events.on('incident', (incident, { requestId, conversation }, change) => {
    const { id, type, form, level: threat, count, client, source, resource, evidence } = incident;
    const what = { id, type, form, threat, count, client, source, resource, evidence };
    log('security').warn(
      { ...what, requestId, conversation },
      change === 'Opened' ? 'Security incident' : 'Security incident escalated',
    );
  });
  events.on('identityRefresh', (cloud, end) => {
    if (end.result === 'Failed') {
      log('credentials').warn({ cloud, problem: end.problem }, 'Exchange of an identity failed');
      return;
    }
    const { lifetimeMs, aheadMs } = end;
    log('credentials').info({ cloud, lifetimeMs }, 'Credentials of an identity were renewed');
    const clock = clockAdvice(aheadMs);
    if (clock !== undefined) log('credentials').warn({ cloud, aheadMs }, clock);
  });
  events.on('configuration', (offer, { revision }) => {
    log('configuration').debug({ offer, revision }, 'Configuration was offered');
  });
  events.on('healthCheck', ({ name, critical, state, reason }) => {
    const health = log('health');
    if (state === 'Failing') health.warn({ check: name, critical, reason }, 'Health check failed');
    else health.info({ check: name, critical }, 'Health check passed');
  });
  events.on('phase', (phase, openRequests) => {
    log('lifecycle').info({ phase, openRequests }, 'Shutdown moved on');
    if (phase === 'Stopped' && openRequests > 0)
      log('lifecycle').warn({ openRequests }, 'Requests were cut when the drain was over');
  });
  events.on('handler', (handler, end, err) => {
    if (end === 'Done') log('lifecycle').info({ handler }, 'Shutdown handler is done');
    else log('lifecycle').warn({ handler, end, err }, 'Shutdown handler did not come to its end');
  });
}
