import { existsSync, readFileSync, rmSync } from 'node:fs';
import { run, succeeds, which } from '../common/command.ts';

/**
 * The cluster has its own network namespace. One veth pair joins it to the host. So its ports, bridges and iptables
 * rules conflict with no others, and disappear with the namespace.
 */
const NAMESPACE = 'breakwater';
const HOST_LINK = 'breakwater';
const NODE_LINK = 'uplink';
const COMMENT = 'breakwater';
/** Alias of the link to a host that forwarded nothing before. It lasts as long as the link. */
const FORWARDING_WAS_OFF = 'ip_forward was 0';

/** The cluster's address on its link to the host. Pods and host reach node, API server and DNS server there. */
export const NODE_ADDRESS = '10.213.255.2';
const HOST_ADDRESS = '10.213.255.1';
export const POD_RANGE = '10.213.0.0/24';
/** Range of pod addresses. Each node has a /24 of it. */
export const CLUSTER_RANGE = '10.213.0.0/17';
export const SERVICE_RANGE = '10.213.128.0/18';
export const SERVICE_ADDRESS = '10.213.128.1';
/** Range with all addresses of the cluster. */
const WHOLE_RANGE = '10.213.0.0/16';
/** Small enough for the headers of clouds and tunnels. */
export const MTU = 1400;

const NAMESPACE_FILE = `/run/netns/${NAMESPACE}`;

/** Command prefix that runs a program in the cluster's network. */
export function enter(): string[] {
  return [which('nsenter') ?? 'nsenter', `--net=${NAMESPACE_FILE}`, '--'];
}

export function networkExists(): boolean {
  return existsSync(NAMESPACE_FILE);
}

/**
 * Creates the namespace, the link to the host, routes and the host's rules unless they exist. The host forwards for pods,
 * but other hosts reach nothing of the cluster. Rejects if another route is in the way.
 */
export async function ensureNetwork(): Promise<void> {
  const table = await run(tool('ip'), [
    ...'-4 -json route show table all root'.split(' '),
    WHOLE_RANGE,
  ]);
  const obstacle = foreignRoute(JSON.parse(table || '[]') as Route[]);
  if (obstacle) throw new Error(obstacle);
  if (!(await succeeds(which('nsenter') ?? 'nsenter', [...enter().slice(1), 'true'])))
    await makeNamespace();
  if (!(await linkIsUp())) await makeLink();
  await inNetwork('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  await run(tool('sysctl'), ['-q', '-w', 'net.ipv4.ip_forward=1']);
  await run(tool('ip'), ['route', 'replace', WHOLE_RANGE, 'via', NODE_ADDRESS]);
  await ensureHostRules();
}

/** All of them anew if one is missing, as their order matters. */
async function ensureHostRules(): Promise<void> {
  const found = await Promise.all(HOST_RULES.map((rule) => hasRule(rule)));
  if (!found.includes(false)) return;
  await removeHostRules();
  for (const rule of HOST_RULES) await run(tool('iptables'), command('-I', rule));
}

async function removeHostRules(): Promise<void> {
  for (const rule of [...HOST_RULES, FORMER_RULE])
    while (await hasRule(rule)) await run(tool('iptables'), command('-D', rule));
}

export interface Route {
  dst: string;
  dev?: string;
}

/** Why the cluster may not take its range, by the routes into it; undefined if it may. */
export function foreignRoute(routes: readonly Route[]): string | undefined {
  const foreign = routes.find(({ dev }) => dev !== HOST_LINK);
  if (!foreign) return undefined;
  return `CLUSTER=local: this machine has a route to ${foreign.dst} by ${foreign.dev ?? 'no device'}, and the cluster would take it over, as it uses ${WHOLE_RANGE}. Remove the route, such as by leaving a VPN, or use CLUSTER=kind.`;
}

/** Removes namespace, link and rules, and leaves forwarding as it was. */
export async function removeNetwork(): Promise<void> {
  await removeHostRules();
  const restore = await forwardingWasOff();
  if (await succeeds(tool('ip'), ['link', 'show', HOST_LINK]))
    await run(tool('ip'), ['link', 'delete', HOST_LINK]);
  if (restore) await run(tool('sysctl'), ['-q', '-w', 'net.ipv4.ip_forward=0']);
  if (networkExists()) await run(tool('ip'), ['netns', 'delete', NAMESPACE]);
}

/** Ids of the processes in the cluster's network. */
export async function processesInNetwork(): Promise<number[]> {
  if (!networkExists()) return [];
  const pids = await run(tool('ip'), ['netns', 'pids', NAMESPACE]).catch(() => '');
  return pids.split('\n').filter(Boolean).map(Number);
}

/**
 * Whether the kernel shows bridged packets to iptables. Otherwise a pod's response to a pod on the same bridge that
 * called it through a Service would bypass the address translation.
 */
export async function bridgeCallsIptables(): Promise<boolean> {
  await succeeds(tool('modprobe'), ['br_netfilter']);
  return succeeds(tool('nsenter'), [
    ...enter().slice(1),
    tool('sysctl'),
    '-q',
    '-w',
    'net.bridge.bridge-nf-call-iptables=1',
  ]);
}

async function makeNamespace(): Promise<void> {
  await succeeds(tool('ip'), ['netns', 'delete', NAMESPACE]);
  rmSync(NAMESPACE_FILE, { force: true });
  await run(tool('ip'), ['netns', 'add', NAMESPACE]);
  await inNetwork('ip', 'link', 'set', 'lo', 'up');
}

async function linkIsUp(): Promise<boolean> {
  return (
    (await succeeds(tool('ip'), ['link', 'show', HOST_LINK])) &&
    (await inNetwork('ip', '-4', 'route', 'show', 'default')).includes(NODE_LINK)
  );
}

/** Whether the host forwarded nothing before the link, or forwards nothing now. */
async function forwardingWasOff(): Promise<boolean> {
  if (readFileSync('/proc/sys/net/ipv4/ip_forward', 'utf8').trim() === '0') return true;
  const link = await run(tool('ip'), ['link', 'show', HOST_LINK]).catch(() => '');
  return link.includes(FORWARDING_WAS_OFF);
}

async function makeLink(): Promise<void> {
  const alias = (await forwardingWasOff()) ? ['alias', FORWARDING_WAS_OFF] : [];
  await succeeds(tool('ip'), ['link', 'delete', HOST_LINK]);
  const mtu = ['mtu', String(MTU)];
  const peer = ['peer', 'name', NODE_LINK, 'netns', NAMESPACE];
  await run(tool('ip'), ['link', 'add', HOST_LINK, ...mtu, 'type', 'veth', ...peer]);
  await run(tool('ip'), ['address', 'add', `${HOST_ADDRESS}/30`, 'dev', HOST_LINK]);
  await run(tool('ip'), ['link', 'set', HOST_LINK, ...alias, 'up']);
  await inNetwork('ip', 'address', 'add', `${NODE_ADDRESS}/30`, 'dev', NODE_LINK);
  await inNetwork('ip', 'link', 'set', NODE_LINK, ...mtu, 'up');
  await inNetwork('ip', 'route', 'add', 'default', 'via', HOST_ADDRESS);
}

interface HostRule {
  table: 'filter' | 'nat';
  chain: string;
  match: string[];
}

const forward = (...match: string[]): HostRule => ({ table: 'filter', chain: 'FORWARD', match });

/**
 * Lets pods reach other networks through the host, even if Docker sets the policy of FORWARD to DROP. From other hosts
 * only responses come in. Each rule is put before those that stand above it.
 */
const HOST_RULES = [
  forward('-o', HOST_LINK, '-j', 'DROP'),
  forward('-o', HOST_LINK, '-m', 'conntrack', '--ctstate', 'RELATED,ESTABLISHED', '-j', 'ACCEPT'),
  forward('-i', HOST_LINK, '-j', 'ACCEPT'),
  {
    ...{ table: 'nat', chain: 'POSTROUTING' },
    match: ['-s', WHOLE_RANGE, '!', '-o', HOST_LINK, '-j', 'MASQUERADE'],
  },
] as const satisfies HostRule[];

/** Let other hosts in. A cluster of an earlier version may have left it. */
const FORMER_RULE = forward('-o', HOST_LINK, '-j', 'ACCEPT');

function command(verb: string, { table, chain, match }: HostRule): string[] {
  return ['-w', '-t', table, verb, chain, ...match, '-m', 'comment', '--comment', COMMENT];
}

function hasRule(rule: HostRule): Promise<boolean> {
  return succeeds(tool('iptables'), command('-C', rule));
}

function inNetwork(command: string, ...args: string[]): Promise<string> {
  const [program, ...prefix] = enter();
  return run(program!, [...prefix, tool(command), ...args]);
}

/** Full path of a program that may be in an sbin directory. */
function tool(name: string): string {
  return which(name) ?? name;
}
