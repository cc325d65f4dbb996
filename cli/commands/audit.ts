import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { AUDIT_GROUPS, AUDIT_OUTCOMES, AUDIT_TYPES } from '../../contract/audit.ts';
import { CLUSTER_OPTIONS, OUTPUT } from '../cluster/options.ts';
import { RETRIES, withCluster } from '../cluster/cluster.ts';
import { findPods } from '../cluster/findPods.ts';
import { debugPages } from '../cluster/debugPage.ts';
import { Agents } from '../cluster/resources.ts';
import { EXIT, print, widthOf, type Call, type Command, type Values } from '../terminal/command.ts';
import { durationOf } from '../cluster/duration.ts';
import { joinPages, type AuditPage } from '../view/auditPages.ts';
import { auditTable, verification } from '../view/auditTable.ts';
import { verify, type SeenHead } from '../view/verifyAudit.ts';

const VERIFY = 'verify';

export const audit: Command = {
  summary: "show what an agent's pods recorded, or check that files of it are whole",
  positional: 'POD|AGENT|verify FILE...',
  subject: 'pod',
  variadic: true,
  options: {
    ...CLUSTER_OPTIONS,
    ...OUTPUT,
    actor: { type: 'string', value: 'ID', help: 'events of this client only' },
    type: {
      type: 'string',
      value: 'TYPE',
      help: 'events of this type only, such as RequestMade, or of this group, such as Authentication',
    },
    source: { type: 'string', value: 'ADDRESS', help: 'events of clients at this address only' },
    count: { type: 'boolean', help: 'print the number of events and end' },
    outcome: { type: 'string', value: 'OUTCOME', help: 'Success, Failure or Denied' },
    conversation: { type: 'string', value: 'ID', help: 'events of this conversation only' },
    request: {
      type: 'string',
      value: 'ID',
      help: "events of this request only, by its id, the provider's, or its trace's",
    },
    since: {
      type: 'string',
      value: 'TIME',
      help: 'from this time or this long ago, such as 10m or 1d',
    },
    until: { type: 'string', value: 'TIME', help: 'up to this time or this long ago' },
    limit: { type: 'string', value: 'N', help: 'the newest N events (default: 50)' },
    agent: {
      type: 'string',
      value: 'AGENT',
      help: "with verify: check against the heads in this agent's status too",
    },
  },
  run: (call) => {
    const [first, ...rest] = call.positionals;
    if (first === VERIFY) return verifyFiles(call, rest);
    if (rest.length > 0) throw new Error(`unexpected argument ${rest[0]}`);
    return showEvents(call, first!);
  },
};

async function verifyFiles(call: Call, paths: readonly string[]): Promise<number> {
  if (paths.length === 0) throw new Error('say which: breakwater audit verify FILE...');
  const files = paths.map((path) => ({ name: basename(path), text: readFileSync(path, 'utf8') }));
  const agent = call.values['agent'] as string | undefined;
  const found = verify(files, agent === undefined ? undefined : await headsOf(call, agent));
  print(call, found, () => verification(found));
  return found.findings.length > 0 || found.events === 0 ? EXIT.problem : EXIT.fine;
}

/** Heads of the chains of the agent's pods, as its status has them. */
async function headsOf(call: Call, name: string): Promise<SeenHead[]> {
  let heads: SeenHead[] = [];
  await withCluster(call, async ({ client, namespace }) => {
    const agents = await client.list(Agents, { namespace, retries: RETRIES });
    const agent = agents.find(({ metadata }) => metadata.name === name);
    if (!agent) throw new Error(`There is no agent ${name} in ${namespace}.`);
    heads = agent.status?.audit?.heads ?? [];
    return EXIT.fine;
  });
  return heads;
}

function showEvents(call: Call, name: string): Promise<number> {
  const { context, values } = call;
  const limit = limitOf(values);
  const counts = values['count'] === true;
  const query = new URLSearchParams({
    ...queryOf(values, context.date()),
    ...(counts ? { count: 'true' } : { limit: `${limit}` }),
  });
  return withCluster(call, async (cluster) => {
    const pods = await findPods(cluster, name);
    const asked = await Promise.all(
      pods.map(async (each) => {
        const pod = each.metadata.name;
        try {
          const text = await debugPages(cluster, each)(`/debug/audit?${query.toString()}`);
          return { pod, page: JSON.parse(text) as AuditPage };
        } catch (error) {
          return { pod, page: error as Error };
        }
      }),
    );
    const { events, count, gaps } = joinPages(name, asked, limit);
    if (counts) print(call, { count }, () => [`${count}`]);
    else print(call, { events }, () => auditTable(events, widthOf(call)));
    context.stderr.write(gaps.map((gap) => `${gap}\n`).join(''));
    return gaps.length > 0 ? EXIT.problem : EXIT.fine;
  });
}

const DEFAULT_LIMIT = 50;

function limitOf({ limit }: Values): number {
  if (limit === undefined) return DEFAULT_LIMIT;
  const number = Number(limit);
  if (Number.isInteger(number) && number >= 1 && number <= 1000) return number;
  throw new Error('--limit must be a number from 1 to 1000');
}

function queryOf(values: Values, now: Date): Record<string, string> {
  const query: Record<string, string> = {};
  for (const name of ['actor', 'source', 'conversation', 'request'] as const) {
    if (values[name] !== undefined) query[name] = String(values[name]);
  }
  Object.assign(
    query,
    oneOf(values, 'type', [...Object.keys(AUDIT_GROUPS), ...AUDIT_TYPES]),
    oneOf(values, 'outcome', AUDIT_OUTCOMES),
  );
  for (const name of ['since', 'until'] as const) {
    const text = values[name];
    if (text !== undefined) query[name] = String(timeOf(String(text), name, now));
  }
  return query;
}

function oneOf(values: Values, name: string, known: readonly string[]): Record<string, string> {
  const value = values[name];
  if (value === undefined) return {};
  if (known.includes(String(value))) return { [name]: String(value) };
  throw new Error(`--${name} must be one of ${known.join(', ')}`);
}

/** Milliseconds since 1970. */
function timeOf(text: string, name: string, now: Date): number {
  if (/^[0-9]+[dhms]/.test(text)) return now.getTime() - durationOf(text, `--${name}`);
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw new Error(`--${name} must be a time such as 2026-11-22T10:00:00Z, or how long ago: 10m`);
}
