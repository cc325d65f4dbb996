/** What of a configuration a pod can put in force: a pod that lacks mounts keeps its former connections until its replacement. */
import { isDeepStrictEqual } from 'node:util';
import type { Circuit, Content, Limit } from '../../contract/generated/types.ts';
import { INBOUND } from '../../contract/link.ts';
import { mountsOf, shutdownName } from '../../contract/mounts.ts';

/**
 * Parts that need no mount and go with the connections of any configuration. All other parts belong together: an endpoint
 * may need the authorities that the same edit adds, and clients that authenticate may rely on the key of an endpoint.
 */
const INDEPENDENT = [
  ...['agent', 'timeouts', 'retry', 'maxRetryAfterMs', 'gates', 'providerLimits', 'bulkhead'],
  ...['whenFull', 'requestLimits', 'affinity', 'loadBalancing', 'security', 'shutdown'],
  ...['circuits', 'limits'],
] as readonly (keyof Content)[];

type Part = keyof Content;

export interface InForce {
  content: Content;
  /** Parts of the offered content that are not in force, because they need mounts that the pod lacks. */
  waiting: Part[];
  /** Clients would be refused: the pod lacks mounts for the offered content, and knows no former one. */
  unservable: boolean;
}

/** Without these the pod refuses requests. */
const SERVING: readonly Part[] = ['auth', 'endpoints', 'proxy', 'trustedCA'];

/**
 * @param former the content in force before. Absent: there is none, and the offered content is put in force as it is
 * @param mounts names of the pod's mounts, see contract/mounts.ts. Absent: the pod does not know them
 */
export function contentInForce(
  offered: Content,
  former: Content | undefined,
  mounts: ReadonlySet<string> | undefined,
): InForce {
  if (mounts === undefined) return { content: offered, waiting: [], unservable: false };
  const bound = partsOf(offered).filter((part) => !INDEPENDENT.includes(part));
  const lacking = bound.filter((part) => mountsOf(offered[part]).some((name) => !mounts.has(name)));
  const graceLacks = !mounts.has(shutdownName(offered.shutdown));
  if (former === undefined) {
    const unservable = lacking.some((part) => SERVING.includes(part));
    return { content: offered, waiting: lacking, unservable };
  }
  const connected = lacking.length === 0 ? offered : connectedAs(offered, former);
  const content = graceLacks ? { ...connected, shutdown: former.shutdown } : connected;
  const parts = new Set([...partsOf(offered), ...partsOf(content)]);
  const waiting = [...parts].filter((part) => !isDeepStrictEqual(offered[part], content[part]));
  return { content, waiting, unservable: false };
}

function partsOf(content: Content): Part[] {
  return Object.keys(content) as Part[];
}

/** The offered content with the connections of the former one. */
function connectedAs(offered: Content, former: Content): Content {
  const own = (content: Content, independent: boolean): Partial<Content> =>
    Object.fromEntries(
      Object.entries(content).filter(
        ([part]) => INDEPENDENT.includes(part as Part) === independent,
      ),
    );
  return {
    ...own(former, false),
    ...own(offered, true),
    circuits: circuitsOf(offered, former),
    limits: limitsOf(offered, former),
  } as Content;
}

/** The offered circuits of dependencies in force, and the former ones of dependencies that the offered content lacks. */
function circuitsOf(offered: Content, former: Content): Circuit[] {
  const inForce = dependenciesOf(former);
  const known = dependenciesOf(offered);
  return [
    ...offered.circuits.filter(({ dependency }) => inForce.has(dependency)),
    ...former.circuits.filter(({ dependency }) => !known.has(dependency)),
  ];
}

/**
 * As circuits. A limit by client waits with authentication, because clients would share one bucket, and a limit in Redis
 * waits with its connection.
 */
function limitsOf(offered: Content, former: Content): Limit[] {
  const sameClients = isDeepStrictEqual(offered.auth, former.auth);
  const sameRedis = isDeepStrictEqual(offered.redis, former.redis);
  const waits = ({ key, fleet }: Limit): boolean =>
    (key?.type === 'Client' && !sameClients) || (fleet?.store === 'Redis' && !sameRedis);
  const inForce = dependenciesOf(former);
  const known = dependenciesOf(offered);
  const taken = offered.limits.filter((limit) => inForce.has(limit.target) && !waits(limit));
  const replaced = new Set(taken.map(nameOf));
  const waiting = new Set(offered.limits.filter(waits).map(nameOf));
  const kept = former.limits.filter(
    (limit) =>
      !replaced.has(nameOf(limit)) &&
      (waits(limit) || waiting.has(nameOf(limit)) || !known.has(limit.target)),
  );
  return [...taken, ...kept];
}

function nameOf({ target, policy, name }: Limit): string {
  return `${target} ${policy} ${name}`;
}

function dependenciesOf({ endpoints, tools = [], mcpServers = [] }: Content): Set<string> {
  const named = (kind: string, all: readonly { name: string }[]): string[] =>
    all.map(({ name }) => `${kind}/${name}`);
  return new Set([
    INBOUND,
    ...named('model', endpoints),
    ...named('tool', tools),
    ...named('mcp', mcpServers),
  ]);
}
