import { describe, expect, it } from '@jest/globals';
import type { Pod } from '../kube/index.ts';
import { slimPod } from './slimPod.ts';

const container = { name: 'agent', ready: false, restartCount: 1, image: 'i', imageID: 'sha256:1' };
const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    namespace: 'ns',
    name: 'a-1',
    uid: 'u',
    resourceVersion: '7',
    labels: { 'breakwater.dev/agent': 'a', large: 'x'.repeat(63) },
    annotations: {
      large: 'x'.repeat(1_000),
      'controller.kubernetes.io/pod-deletion-cost': '3',
    },
    ownerReferences: [
      { apiVersion: 'v1', kind: 'ConfigMap', name: 'c', uid: 'u-c' },
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u-r', controller: true },
    ],
    deletionTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: { serviceAccountName: 'a', containers: [{ name: 'agent', image: 'i', env: [] }] },
  status: {
    phase: 'Pending',
    podIP: '10.0.0.1',
    hostIP: '10.1.0.1',
    conditions: [
      { type: 'PodScheduled', status: 'True' },
      { type: 'Ready', status: 'False' },
    ],
    containerStatuses: [
      { ...container, state: { waiting: { reason: 'CrashLoopBackOff', message: 'again' } } },
      { ...container, name: 'other', state: { running: {} } },
    ],
  },
};

describe('a pod in the cache', () => {
  it('keeps the fields that status and links need', () => {
    expect(slimPod(pod)).toEqual({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace: 'ns',
        name: 'a-1',
        uid: 'u',
        resourceVersion: '7',
        labels: { 'breakwater.dev/agent': 'a' },
        annotations: { 'controller.kubernetes.io/pod-deletion-cost': '3' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u-r', controller: true },
        ],
        deletionTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: { containers: [], serviceAccountName: 'a' },
      status: {
        phase: 'Pending',
        podIP: '10.0.0.1',
        conditions: [{ type: 'Ready', status: 'False' }],
        containerStatuses: [
          { ...container, state: { waiting: { reason: 'CrashLoopBackOff', message: 'again' } } },
        ],
      },
    });
  });

  it('keeps why it has no node', () => {
    const conditions = [
      { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no cpu' },
      { type: 'Initialized', status: 'False' },
    ];
    const kept = slimPod({ ...pod, status: { conditions } });
    expect(kept.status?.conditions).toEqual([conditions[0]]);
  });

  it('keeps how a program stands, without what it wrote, and which init containers wait', () => {
    const running = { ...container, ready: true, state: { running: {} } };
    const terminated = { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' };
    const message = 'secret\nTypeError: secret\n    at f (file:///app/orders.js:12:5)\n';
    const kept = slimPod({
      ...pod,
      status: {
        initContainerStatuses: [
          { ...container, name: 'migrate', state: { waiting: { reason: 'ErrImagePull' } } },
          running,
        ],
        containerStatuses: [
          {
            ...{ ...running, name: 'program' },
            lastState: { terminated: { ...terminated, message } },
          },
          { ...running, name: 'proxy' },
        ],
      },
    });
    expect(kept.status?.initContainerStatuses?.map(({ name }) => name)).toEqual(['migrate']);
    expect(kept.status?.containerStatuses).toEqual([
      {
        ...{ name: 'program', ready: true, restartCount: 1, image: 'program', imageID: '' },
        lastState: { terminated: { ...terminated, message: 'TypeError at orders.js:12' } },
      },
    ]);
    expect(JSON.stringify(kept)).not.toContain('secret');
  });

  it('may lack a status', () => {
    const { status: _status, ...young } = pod;
    expect(slimPod(young).status).toEqual({});
  });
});
