import { describe, expect, it } from '@jest/globals';
import type { ConditionDraft } from '../desired/common/condition.ts';
import { agentFixture } from '../testing/fixtures.ts';
import { deployment } from '../testing/observations.ts';
import type { AutoscalerObservation } from './observations.ts';
import { desiredPods, scalingManaged } from './scaling.ts';

const fixed = agentFixture('triage', { replicas: 2 });
const scaled = agentFixture('triage', {
  replicas: 2,
  autoscaling: { minReplicas: 3, maxReplicas: 10, cpuPercent: 70, memoryPercent: 80 },
});

const autoscaler = (
  status: string,
  reason: string,
  message = '',
): { conditions: { type: string; status: string; reason: string; message: string }[] } => ({
  conditions: [
    { type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale', message: 'ready' },
    { type: 'ScalingActive', status, reason, message },
  ],
});

describe('desiredPods', () => {
  it('is spec.replicas, whatever the Deployment has', () =>
    expect(desiredPods(fixed, { deployment: deployment({ desired: 7 }) })).toBe(2));

  it('is the number in the Deployment with autoscaling', () =>
    expect(desiredPods(scaled, { deployment: deployment({ desired: 7 }) })).toBe(7));

  it('is minReplicas before there is a Deployment', () => expect(desiredPods(scaled, {})).toBe(3));
});

describe('scalingManaged', () => {
  it('is False without autoscaling', () =>
    expect(scalingManaged(fixed, {})).toEqual({
      type: 'ScalingManaged',
      status: 'False',
      reason: 'AutoscalingOff',
      message: 'spec.autoscaling is not set; spec.replicas (2) decides on the number of pods.',
    }));

  it('says why kubectl scale is ignored', () => {
    const draft = scalingManaged(scaled, { autoscaler: autoscaler('True', 'ValidMetricFound') });
    expect(draft).toMatchObject({ status: 'True', reason: 'ValidMetricFound' });
    expect(draft.message).toBe(
      'Autoscaling decides on the number of pods, 3 to 10. spec.replicas and kubectl scale have no effect; ' +
        'change spec.autoscaling, or remove it.',
    );
  });

  it('says why autoscaling does not work', () => {
    const seen = autoscaler('False', 'FailedGetResourceMetric', 'no metrics\nreturned');
    const draft = scalingManaged(scaled, { autoscaler: seen });
    expect(draft).toMatchObject({ status: 'False', reason: 'FailedGetResourceMetric' });
    expect(draft.message).toMatch(
      /^The HorizontalPodAutoscaler does not scale: no metrics returned\. /,
    );
    expect(draft.message).toContain('kubectl scale');
  });

  it('repeats the message of KEDA unless the ScaledObject is ready', () => {
    const ready = (status: string, reason?: string): AutoscalerObservation => ({
      conditions: [{ type: 'Ready', status, ...(reason && { reason }), message: 'no figures' }],
    });
    const seen = autoscaler('True', 'ValidMetricFound');
    const draft = (scaledObject: AutoscalerObservation): ConditionDraft =>
      scalingManaged(scaled, { autoscaler: seen, scaledObject });
    expect(draft(ready('False', 'TriggerError'))).toMatchObject({
      ...{ status: 'False', reason: 'TriggerError' },
      message: expect.stringMatching(/^KEDA does not scale .*: no figures\. /),
    });
    expect(draft(ready('Unknown', 'PartialTriggerError'))).toMatchObject({ status: 'Unknown' });
    for (const good of [ready('True', 'ScaledObjectReady'), ready('Unknown'), { conditions: [] }])
      expect(draft(good)).toMatchObject({ status: 'True', reason: 'ValidMetricFound' });
  });

  it('is Unknown until the autoscaler has a status', () => {
    expect(scalingManaged(scaled, {})).toMatchObject({ status: 'Unknown', reason: 'Pending' });
    expect(scalingManaged(scaled, { autoscaler: { conditions: [] } })).toMatchObject({
      status: 'Unknown',
    });
  });
});
