import { setTimeout as pause } from 'node:timers/promises';
import type { Kubectl } from './kubectl.ts';
import type { Answer, MessageRequest } from './messages.ts';
import { MessagesClient } from './messages.ts';
import type { PortForward } from './port-forward.ts';
import { portForward } from './port-forward.ts';

/** A way to one pod of an agent, past its Service, over one kept connection. */
export class PodClient {
  readonly pod: string;
  readonly #forward: PortForward;
  readonly #client: MessagesClient;

  private constructor(pod: string, forward: PortForward) {
    this.pod = pod;
    this.#forward = forward;
    this.#client = new MessagesClient(forward.url);
  }

  static async open(kubectl: Kubectl, namespace: string, pod: string): Promise<PodClient> {
    return new PodClient(pod, await portForward(kubectl, namespace, `pod/${pod}`, 8080));
  }

  get url(): string {
    return this.#forward.url;
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
    this.#forward.stop();
  }
}

/** Opens a way to each of the pods. */
export function openPods(
  kubectl: Kubectl,
  namespace: string,
  pods: readonly { metadata: { name: string } }[],
): Promise<PodClient[]> {
  return Promise.all(pods.map(({ metadata }) => PodClient.open(kubectl, namespace, metadata.name)));
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
