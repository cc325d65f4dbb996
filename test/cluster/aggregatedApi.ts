import type { Cluster } from './common/cluster.ts';
import { run } from './common/command.ts';
import { enter, NODE_ADDRESS } from './local/network.ts';

const LABEL = 'breakwater.dev/test';

export type Kubectl = (args: string[], input?: string) => Promise<string>;

export interface AggregatedApiOptions {
  /** Name of the objects that register the API. */
  name: string;
  group: string;
  version: string;
  /** Port of the process. */
  port: number;
}

/** An API that a process on this machine serves. The API server reaches it at the machine's address. */
export class AggregatedApi {
  readonly #options: AggregatedApiOptions;
  readonly #kubectl: Kubectl;

  constructor(options: AggregatedApiOptions, kubectl: Kubectl) {
    this.#options = options;
    this.#kubectl = kubectl;
  }

  /** Name of its APIService. */
  get #service(): string {
    return `${this.#options.version}.${this.#options.group}`;
  }

  async announce(address: string): Promise<void> {
    await this.#kubectl(['apply', '-f', '-'], JSON.stringify(this.#objects(address)));
  }

  async isServed(): Promise<boolean> {
    const available = '.status.conditions[?(@.type=="Available")].status';
    const jsonpath = `jsonpath={${available}}`;
    const asked = ['get', 'apiservice', this.#service, '--ignore-not-found', '-o', jsonpath];
    return (await this.#kubectl(asked)) === 'True';
  }

  /** A registered API without a server would block the deletion of every namespace. */
  async remove(): Promise<void> {
    const what = ['apiservices,services,endpointslices', '--namespace', 'kube-system'];
    const ours = ['--selector', `${LABEL}=${this.#options.name}`];
    await this.#kubectl(['delete', ...what, ...ours, '--ignore-not-found']);
  }

  #objects(address: string): object {
    const { name, group, version, port } = this.#options;
    const metadata = { name, namespace: 'kube-system', labels: { [LABEL]: name } };
    return {
      apiVersion: 'v1',
      kind: 'List',
      items: [
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata,
          spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
        },
        {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: {
            ...metadata,
            labels: { ...metadata.labels, 'kubernetes.io/service-name': name },
          },
          addressType: 'IPv4',
          endpoints: [{ addresses: [address], conditions: { ready: true } }],
          ports: [{ name: 'https', port, protocol: 'TCP' }],
        },
        {
          apiVersion: 'apiregistration.k8s.io/v1',
          kind: 'APIService',
          metadata: { name: this.#service, labels: { [LABEL]: name } },
          spec: {
            group,
            version,
            service: { name, namespace: 'kube-system' },
            insecureSkipTLSVerify: true,
            groupPriorityMinimum: 100,
            versionPriority: 100,
          },
        },
      ],
    };
  }
}

/** How to run a process on this machine so that the cluster can reach it. */
export interface Place {
  /** Prefix of its command line. */
  prefix: string[];
  address: string;
}

/** @param what names the process in the error where no place exists */
export async function placeOf(cluster: Cluster, what: string): Promise<Place> {
  if (cluster.name === 'local') return { prefix: enter(), address: NODE_ADDRESS };
  if (cluster.name === 'kind') return { prefix: [], address: await gatewayOfKind() };
  throw new Error(`the cluster does not reach this machine: install ${what} in it`);
}

/** This machine's address on the network of kind's nodes. */
async function gatewayOfKind(): Promise<string> {
  const format = '{{range .IPAM.Config}}{{.Gateway}} {{end}}';
  const gateways = (await run('docker', ['network', 'inspect', 'kind', '--format', format])).split(
    ' ',
  );
  const address = gateways.find((gateway) => /^\d+(\.\d+){3}$/.test(gateway));
  if (address === undefined) throw new Error("Docker's network kind has no IPv4 gateway");
  return address;
}
