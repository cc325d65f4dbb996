import { expect, it } from '@jest/globals';
import { statedConstants } from '../../test/kit/constants.ts';
import { MAX_CONNECTIONS } from '../../listener/connections.ts';
import { ANSWER_CALLS, TURN_ANSWER_BYTES } from '../conversations/turnAnswer.ts';
import { STALLED_MS } from '../api/stalledClients.ts';
import {
  MCP_LIST_BYTES,
  MCP_MESSAGES,
  MCP_MESSAGE_BYTES,
  MCP_PAGES,
  MCP_PARTS,
  MCP_REPLY_MS,
  MCP_TOOLS,
  MCP_TOOL_BYTES,
  MCP_VALUES,
} from '../conversations/tools/mcpBounds.ts';
import { KEPT_LIST_MS } from '../conversations/tools/keptList.ts';
import {
  MCP_FIRST_LIST_MS,
  MCP_KEPT_AFTER_MS,
  MCP_LIST_MS,
} from '../conversations/tools/mcpServer.ts';
import { MCP_KEPT_MS } from '../conversations/tools/mcpTools.ts';
import { VOTELESS_SHARE } from '../guard/concurrencyLimiter.ts';
import { USUAL_FACTOR } from '../model/attempt/answerTimes.ts';
import {
  FURTHER_ENDPOINT_MS,
  LEAST_ATTEMPT_MS,
  ONLY_PINGS_MS,
  PING_MS,
} from '../model/attempt/attemptWatch.ts';
import { HELD_EVENT_BYTES } from '../model/attempt/heldEvents.ts';
import { HELD_STREAM_BYTES } from '../model/attempt/passStream.ts';
import {
  IDENTITY_EXCHANGE_MS,
  IDENTITY_LONGEST_WAIT_MS,
  IDENTITY_MARGIN_MS,
  IDENTITY_REFRESH_AT,
  IDENTITY_REFUSAL_MS,
} from '../model/identity/identity.ts';
import { MODELS_MS, PASS_THROUGH_MS } from '../model/passThrough.ts';
import { UNUSUAL_ADDRESSES } from '../security/incidents/addresses.ts';
import { PROGRAM_EVENTS_PER_SECOND } from '../program/auditRoutes.ts';
import { MAX_LOCAL_BODY } from '../program/bodies.ts';
import { PROGRAM_HEALTH_NAMES } from '../program/healthReports.ts';
import { PROGRAM_INCIDENTS_PER_SECOND } from '../program/incidentRoutes.ts';
import { LIFECYCLE_WAIT_MS } from '../program/lifecycleRoute.ts';
import { LOCAL_REQUESTS_PER_SECOND } from '../program/localServer.ts';
import { PROGRAM_TOOLS } from '../program/programTools.ts';
import { PROGRAM_INSTANCES } from '../program/tasks.ts';
import {
  CACHE_LIFETIME_MS,
  LONG_CACHE_LIFETIME_MS,
  MAX_SESSIONS_AWAY,
} from '../model/pool/affinity.ts';

it('docs/reference/constants.md states the figures of the code', () => {
  expect(statedConstants()).toMatchObject({
    UNUSUAL_ADDRESSES: Object.values(UNUSUAL_ADDRESSES).join(', '),
    LEAST_ATTEMPT_MS: `${LEAST_ATTEMPT_MS / 1000} s`,
    FURTHER_ENDPOINT_MS: `${FURTHER_ENDPOINT_MS / 1000} s`,
    USUAL_FACTOR: `${USUAL_FACTOR}`,
    HELD_EVENT_BYTES: `${HELD_EVENT_BYTES / 1024 ** 2} MiB`,
    ONLY_PINGS_MS: `${ONLY_PINGS_MS / 60_000} min`,
    TURN_ANSWER_BYTES: `${TURN_ANSWER_BYTES / 1024 ** 2} MiB`,
    ANSWER_CALLS: `${ANSWER_CALLS}`,
    IDENTITY_REFRESH_AT: `${IDENTITY_REFRESH_AT * 100} %`,
    IDENTITY_EXCHANGE_MS: `${IDENTITY_EXCHANGE_MS / 1000} s`,
    IDENTITY_MARGIN_MS: `${IDENTITY_MARGIN_MS / 1000} s`,
    IDENTITY_LONGEST_WAIT_MS: `${IDENTITY_LONGEST_WAIT_MS / 1000} s`,
    IDENTITY_REFUSAL_MS: `${IDENTITY_REFUSAL_MS / 1000} s`,
    PING_MS: `${PING_MS / 1000} s`,
    HELD_STREAM_BYTES: `${HELD_STREAM_BYTES / 1024} KiB`,
    STALLED_MS: `${STALLED_MS / 1000} s`,
    PASS_THROUGH_MS: `${PASS_THROUGH_MS / 1000} s`,
    MODELS_MS: `${MODELS_MS / 1000} s`,
    MCP_MESSAGE_BYTES: `${MCP_MESSAGE_BYTES / 1024 ** 2} MiB`,
    MCP_MESSAGES: `${MCP_MESSAGES}`,
    MCP_VALUES: `${MCP_VALUES}`,
    MCP_PARTS: `${MCP_PARTS}`,
    MCP_TOOLS: `${MCP_TOOLS}`,
    MCP_TOOL_BYTES: `${MCP_TOOL_BYTES / 1024} KiB`,
    MCP_LIST_BYTES: `${MCP_LIST_BYTES / 1024} KiB`,
    MCP_PAGES: `${MCP_PAGES}`,
    MCP_REPLY_MS: `${MCP_REPLY_MS / 1000} s`,
    MCP_LIST_MS: `${MCP_LIST_MS / 60_000} min`,
    MCP_FIRST_LIST_MS: `${MCP_FIRST_LIST_MS / 1000} s`,
    MCP_KEPT_AFTER_MS: `${MCP_KEPT_AFTER_MS / 1000} s`,
    MCP_KEPT_MS: `${MCP_KEPT_MS / 3_600_000} h`,
    KEPT_LIST_MS: `${KEPT_LIST_MS / 86_400_000} d`,
    VOTELESS_SHARE: `${VOTELESS_SHARE * 100} %`,
    CACHE_LIFETIME_MS: `${CACHE_LIFETIME_MS / 60_000} min`,
    LONG_CACHE_LIFETIME_MS: `${LONG_CACHE_LIFETIME_MS / 60_000} min`,
    MAX_SESSIONS_AWAY: `${MAX_SESSIONS_AWAY}`,
    MAX_CONNECTIONS: `${MAX_CONNECTIONS}`,
    LOCAL_REQUESTS_PER_SECOND: `${LOCAL_REQUESTS_PER_SECOND}`,
    MAX_LOCAL_BODY: `${MAX_LOCAL_BODY / 1024} KiB`,
    PROGRAM_EVENTS_PER_SECOND: `${PROGRAM_EVENTS_PER_SECOND}`,
    PROGRAM_INCIDENTS_PER_SECOND: `${PROGRAM_INCIDENTS_PER_SECOND}`,
    PROGRAM_HEALTH_NAMES: `${PROGRAM_HEALTH_NAMES}`,
    PROGRAM_INSTANCES: `${PROGRAM_INSTANCES}`,
    PROGRAM_TOOLS: `${PROGRAM_TOOLS}`,
    LIFECYCLE_WAIT_MS: `${LIFECYCLE_WAIT_MS / 1000} s`,
  });
});
