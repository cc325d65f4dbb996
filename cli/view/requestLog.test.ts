import { describe, expect, it } from '@jest/globals';
import { linesOfRequest } from './requestLog.ts';

const line = (pod: string, second: number, ids: object): { pod: string; line: string } => ({
  pod,
  line: JSON.stringify({ time: `2026-11-23T10:00:0${second}.000Z`, msg: 'Told', ...ids }),
});

describe('the lines of a request', () => {
  const retried = line('a', 1, { requestId: 'req_1', traceId: 't1' });
  const failed = line('a', 0, { requestId: 'req_1', traceId: 't1', upstreamRequestId: 'up_1' });
  const sibling = line('b', 2, { requestId: 'req_2', traceId: 't1' });
  const time = new Date('2026-11-23T10:00:03Z').getTime();
  const audited = line('a', 3, { time, metadata: { correlation_uid: 'req_1' } });
  const others = [
    line('a', 4, { requestId: 'req_3', traceId: 't3' }),
    line('a', 5, {}),
    { pod: 'a', line: 'no JSON with req_1' },
    { pod: 'a', line: '{"requestId":"req_1' },
  ];
  const all = [retried, audited, ...others, sibling, failed];

  it.each([
    ['its id', 'req_1', [failed, retried, audited]],
    ['the id of the provider', 'up_1', [failed, retried, audited]],
    ['its trace, over several pods', 't1', [failed, retried, sibling, audited]],
    ['another id', 'req_none', []],
  ])('are found by %s', (_, id, found) => {
    expect(linesOfRequest(all, id)).toEqual(found);
  });
});
