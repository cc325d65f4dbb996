/**
 * Which connections NetworkPolicies allow. A pod that a policy selects for ingress accepts only what the rules of its
 * policies name. A pod that no policy selects accepts all.
 * Source: https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
import type { NetworkPolicy, NetworkPolicyPeer } from '../desired/objects/objects.ts';

type Labels = Record<string, string>;

/** A pod; without a namespace an address outside the cluster. */
export interface Host {
  ip: string;
  namespace?: { name: string; labels: Labels };
  labels?: Labels;
}

interface Selector {
  matchLabels?: Labels;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Whether `policies` allow a TCP connection of `source` to `port` of `target`. */
export function isReachable(
  policies: readonly NetworkPolicy[],
  source: Host,
  target: Host,
  port: number,
): boolean {
  const own = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === target.namespace?.name && selects(spec.podSelector, target.labels),
  );
  if (own.length === 0) return true;
  return own.some(({ metadata, spec }) =>
    spec.ingress.some(
      ({ from, ports }) =>
        ports.some((one) => one.port === port) &&
        (from === undefined || from.some((peer) => matches(peer, source, metadata.namespace))),
    ),
  );
}

function matches(peer: NetworkPolicyPeer, source: Host, namespace: string): boolean {
  const { ipBlock, podSelector, namespaceSelector } = peer;
  if (ipBlock !== undefined) {
    const { cidr, except = [] } = ipBlock;
    return contains([cidr], source.ip) && !contains(except, source.ip);
  }
  if (source.namespace === undefined) return false;
  const near =
    namespaceSelector === undefined
      ? source.namespace.name === namespace
      : selects(namespaceSelector, source.namespace.labels);
  return near && selects(podSelector ?? {}, source.labels);
}

/** Whether an IPv4 address is in one of the ranges. */
function contains(ranges: readonly string[], ip: string): boolean {
  return ranges.some((range) => {
    const [address, bits] = range.split('/') as [string, string];
    const size = 2 ** (32 - Number(bits));
    return Math.floor(numberOf(ip) / size) === Math.floor(numberOf(address) / size);
  });
}

function numberOf(ip: string): number {
  return ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function selects(
  { matchLabels = {}, matchExpressions = [] }: Selector,
  labels: Labels = {},
): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((expression) => holds(expression, labels))
  );
}

function holds(
  { key, operator, values = [] }: NonNullable<Selector['matchExpressions']>[number],
  labels: Labels,
): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      throw new Error(`${operator} is no operator of a label selector`);
  }
}
