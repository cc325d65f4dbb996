import { existsSync, rmSync } from 'node:fs';
import { run, succeeds, which } from '../common/command.ts';

/**
 * The cluster has its own network namespace. One veth pair joins it to the host. So its ports, bridges and iptables
 * rules conflict with no others, and disappear with the namespace.
 */
const NAMESPACE = 'breakwater';
const HOST_LINK = 'breakwater';
const NODE_LINK = 'uplink';
const COMMENT = 'breakwater';

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

/** Creates the namespace, the link to the host, routes and the host's rules unless they exist. */
export async function ensureNetwork(): Promise<void> {
  if (!(await succeeds(which('nsenter') ?? 'nsenter', [...enter().slice(1), 'true'])))
    await makeNamespace();
  if (!(await linkIsUp())) await makeLink();
  await inNetwork('sysctl', '-q', '-w', 'net.ipv4.ip_forward=1');
  await run(tool('sysctl'), ['-q', '-w', 'net.ipv4.ip_forward=1']);
  await run(tool('ip'), ['route', 'replace', WHOLE_RANGE, 'via', NODE_ADDRESS]);
  for (const rule of hostRules())
    if (!(await hasRule(rule))) await run(tool('iptables'), rule.insert);
}

/** Removes namespace, link and rules. */
export async function removeNetwork(): Promise<void> {
  for (const rule of hostRules())
    while (await hasRule(rule)) await run(tool('iptables'), rule.remove);
  if (await succeeds(tool('ip'), ['link', 'show', HOST_LINK]))
    await run(tool('ip'), ['link', 'delete', HOST_LINK]);
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

async function makeLink(): Promise<void> {
  await succeeds(tool('ip'), ['link', 'delete', HOST_LINK]);
  const mtu = ['mtu', String(MTU)];
  const peer = ['peer', 'name', NODE_LINK, 'netns', NAMESPACE];
  await run(tool('ip'), ['link', 'add', HOST_LINK, ...mtu, 'type', 'veth', ...peer]);
  await run(tool('ip'), ['address', 'add', `${HOST_ADDRESS}/30`, 'dev', HOST_LINK]);
  await run(tool('ip'), ['link', 'set', HOST_LINK, 'up']);
  await inNetwork('ip', 'address', 'add', `${NODE_ADDRESS}/30`, 'dev', NODE_LINK);
  await inNetwork('ip', 'link', 'set', NODE_LINK, ...mtu, 'up');
  await inNetwork('ip', 'route', 'add', 'default', 'via', HOST_ADDRESS);
}

interface HostRule {
  check: string[];
  insert: string[];
  remove: string[];
}

/** Lets pods reach other networks through the host, even if Docker sets the policy of FORWARD to DROP. */
function hostRules(): HostRule[] {
  const comment = ['-m', 'comment', '--comment', COMMENT];
  const rule = (table: string, chain: string, match: string[]): HostRule => {
    const command = (verb: string): string[] => ['-w', '-t', table, verb, chain, ...match];
    return { check: command('-C'), insert: command('-I'), remove: command('-D') };
  };
  return [
    rule('filter', 'FORWARD', ['-i', HOST_LINK, ...comment, '-j', 'ACCEPT']),
    rule('filter', 'FORWARD', ['-o', HOST_LINK, ...comment, '-j', 'ACCEPT']),
    rule('nat', 'POSTROUTING', [
      ...['-s', WHOLE_RANGE, '!', '-o', HOST_LINK],
      ...[...comment, '-j', 'MASQUERADE'],
    ]),
  ];
}

function hasRule(rule: HostRule): Promise<boolean> {
  return succeeds(tool('iptables'), rule.check);
}

function inNetwork(command: string, ...args: string[]): Promise<string> {
  const [program, ...prefix] = enter();
  return run(program!, [...prefix, tool(command), ...args]);
}

/** Full path of a program that may be in an sbin directory. */
function tool(name: string): string {
  return which(name) ?? name;
}
