import { inBackground } from './background.ts';
import type { Kubectl } from './kubectl.ts';

/** A local port that is forwarded to a port in the cluster. */
export interface PortForward {
  port: number;
  /** http://127.0.0.1:PORT */
  url: string;
  stop: () => void;
  /** Settles when forwarding ends, also because the pod is gone. */
  ended: Promise<void>;
}

/**
 * Forwards a free local port to a pod or a Service. It listens when this returns.
 *
 * @param target pod/NAME or service/NAME; a Service stands for one fixed pod
 */
export async function portForward(
  kubectl: Kubectl,
  namespace: string,
  target: string,
  port: number,
): Promise<PortForward> {
  const background = await inBackground(
    kubectl,
    ['port-forward', '-n', namespace, target, `:${port}`, '--address', '127.0.0.1'],
    /^Forwarding from 127\.0\.0\.1:(\d+)/,
  );
  const local = Number(background.line[1]);
  return {
    port: local,
    url: `http://127.0.0.1:${local}`,
    stop: background.stop,
    ended: background.ended,
  };
}
