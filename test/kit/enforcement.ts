import { setTimeout as pause } from 'node:timers/promises';
import type { Kubectl } from './kubectl.ts';
import type { Answer, MessageRequest } from './messages.ts';
import { MessagesClient } from './messages.ts';
import type { PortForward } from './portForward.ts';
import { portForward } from './portForward.ts';

const AGENT_PORT = 8080;

export interface PodAddress {
  metadata: { name: string };
  status?: { podIP?: string };
}

/** A connection to one pod of an agent that bypasses its Service. */
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

  /** Connects through the API server, which works with every cluster. */
  static async forward(kubectl: Kubectl, namespace: string, pod: PodAddress): Promise<PodClient> {
    const { name } = pod.metadata;
    const forward = await portForward(kubectl, namespace, `pod/${name}`, AGENT_PORT);
    return new PodClient(name, forward.url, forward);
  }

  /** Connects directly to the pod's address, if this machine can reach it. This affects measurements least. */
  static direct(pod: PodAddress): PodClient {
    const { podIP } = pod.status ?? {};
    if (podIP === undefined) throw new Error(`pod ${pod.metadata.name} has no address yet`);
    return new PodClient(pod.metadata.name, `http://${podIP}:${AGENT_PORT}`);
  }

  send(message?: MessageRequest): Promise<Answer> {
    return this.#client.send(message);
  }

  /** Repeats a request until the response is as expected. Returns the time of that response (performance.now()). */
  async until(
    description: string,
    isDone: (answer: Answer) => boolean,
    options: { timeoutMs?: number; everyMs?: number; request?: MessageRequest } = {},
  ): Promise<number> {
    const deadline = performance.now() + (options.timeoutMs ?? 60_000);
    for (;;) {
      const answer = await this.send(options.request);
      const now = performance.now();
      if (isDone(answer)) return now;
      if (now > deadline) {
        throw new Error(
          `${this.pod}: no answer such that ${description}; the last one was ${answer.status} ${answer.failure ?? ''} ${answer.body.slice(0, 300)}`,
        );
      }
      await pause(options.everyMs ?? 20);
    }
  }

  close(): void {
    this.#client.close();
    this.#forward?.stop();
  }
}

/** Connects to each pod of an agent: directly in the local cluster, otherwise through the API server. */
export async function openPods(
  { kubectl, cluster }: { kubectl: Kubectl; cluster?: { name: string } },
  namespace: string,
  pods: readonly PodAddress[],
): Promise<PodClient[]> {
  if (cluster?.name === 'local') return pods.map((pod) => PodClient.direct(pod));
  return Promise.all(pods.map((pod) => PodClient.forward(kubectl, namespace, pod)));
}

/** The time (performance.now()) at which the last pod answered as expected. */
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
