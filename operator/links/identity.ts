import { CONTROL_AUDIENCE } from '../../contract/link.ts';
import type { TokenReviewStatus } from '../kube/types.ts';
import type { HelloFacts } from './report.ts';
import type { PodTarget } from './target.ts';

/** The pod and ServiceAccount to which a token belongs. */
export interface ReviewedIdentity {
  namespace: string;
  serviceAccount: string;
  podName: string;
  podUid: string;
}

/**
 * The pod to which a reviewed token belongs; undefined if the token is invalid, is for another audience, or is not bound to a
 * pod.
 */
export function identityOf(status: TokenReviewStatus | undefined): ReviewedIdentity | undefined {
  if (status?.authenticated !== true) return undefined;
  if (status.audiences?.includes(CONTROL_AUDIENCE) !== true) return undefined;
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(status.user?.username ?? '');
  const podName = extra(status, 'authentication.kubernetes.io/pod-name');
  const podUid = extra(status, 'authentication.kubernetes.io/pod-uid');
  if (account === null || podName === undefined || podUid === undefined) return undefined;
  return { namespace: account[1]!, serviceAccount: account[2]!, podName, podUid };
}

function extra(status: TokenReviewStatus, key: string): string | undefined {
  const values = status.user?.extra?.[key];
  return values?.length === 1 ? values[0] : undefined;
}

/** Why the peer is not the dialled pod; undefined if it is. */
export function mismatch(
  target: PodTarget,
  hello: HelloFacts,
  identity: ReviewedIdentity | undefined,
): string | undefined {
  if (identity === undefined) return 'the token is not valid for this audience';
  if (identity.namespace !== target.namespace) return 'the token is of another namespace';
  if (identity.serviceAccount !== target.serviceAccount) {
    return 'the token is of another ServiceAccount';
  }
  if (identity.podName !== target.name) return 'the token is of a pod of another name';
  if (identity.podUid !== target.uid) return 'the token is of a pod of another UID';
  const { namespace, name, uid } = hello.pod;
  const same = namespace === target.namespace && name === target.name && uid === target.uid;
  return same ? undefined : 'the hello names another pod than its token';
}
