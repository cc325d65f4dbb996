import { setTimeout as pause } from 'node:timers/promises';
import type { Kubectl } from './kubectl.ts';
import type { Answer, MessageRequest } from './messages.ts';
import { MessagesClient } from './messages.ts';
import type { PortForward } from './portForward.ts';
import { portForward } from './portForward.ts';

const AGENT_PORT = 8080;

/** Where to find a pod. */
export interface PodAddress {
  metadata: { name: string };
  status?: { podIP?: string };
}

/** A way to one pod of an agent, past its Service, over one kept connection. */
export class PodClient {
  readonly pod: string;
  readonly url: string;
  readonly #client: MessagesClient;
  readonly #forward: PortForward | undefined;

  private constructor(pod: string, url: string, forward?: PortForward) {
    this.pod = pod;
    this.url = url;
    this.#client = new MessagesClient(url);
    this.#forward = forward;
  }

  /** By way of the API server, which works with every cluster. */
  static async forward(kubectl: Kubectl, namespace: string, pod: PodAddress): Promise<PodClient> {
    const { name } = pod.metadata;
    const forward = await portForward(kubectl, namespace, `pod/${name}`, AGENT_PORT);
    return new PodClient(name, forward.url, forward);
  }

  /** Straight to the pod's address, for clusters whose pods this machine can reach: it disturbs a measurement least. */
  static direct(pod: PodAddress): PodClient {
    const { podIP } = pod.status ?? {};
    if (podIP === undefined) throw new Error(`pod ${pod.metadata.name} has no address yet`);
    return new PodClient(pod.metadata.name, `http://${podIP}:${AGENT_PORT}`);
  }

  send(message?: MessageRequest): Promise<Answer> {
    return this.#client.send(message);
  }

  /** Sends one request after another until an answer is as it should be; the time it came, on the clock of performance.now(). */
  async until(
    description: string,
    isDone: (answer: Answer) => boolean,
    options: { timeoutMs?: number; everyMs?: number; request?: MessageRequest } = {},
  ): Promise<number> {
    const deadline = performance.now() + (options.timeoutMs ?? 10_000);
    for (;;) {
      const answer = await this.send(options.request);
      const now = performance.now();
      if (isDone(answer)) return now;
      if (now > deadline) {
        throw new Error(
          `${this.pod}: no answer such that ${description}; the last one was ${answer.status} ${answer.failure ?? ''} ${answer.body.slice(0, 300)}`,
        );
      }
      await pause(options.everyMs ?? 2);
    }
  }

  close(): void {
    this.#client.close();
    this.#forward?.stop();
  }
}

/** Opens a way to each of the pods of an agent: direct in the local cluster, else forwarded. */
export async function openPods(
  { kubectl, cluster }: { kubectl: Kubectl; cluster?: { name: string } },
  namespace: string,
  pods: readonly PodAddress[],
): Promise<PodClient[]> {
  if (cluster?.name === 'local') return pods.map((pod) => PodClient.direct(pod));
  return Promise.all(pods.map((pod) => PodClient.forward(kubectl, namespace, pod)));
}

/** When the last of the pods has answered as it should, on the clock of performance.now(). */
export async function enforcedEverywhere(
  pods: readonly PodClient[],
  description: string,
  isDone: (answer: Answer) => boolean,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<number> {
  return Math.max(
    ...(await Promise.all(pods.map((pod) => pod.until(description, isDone, options)))),
  );
}
