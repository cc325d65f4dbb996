import { expect, it } from '@jest/globals';
import type { AgentObservation } from './observations.ts';
import { progressing, rollOutOf } from './rollout.ts';

const message = '3/3 pods run the present template.';

it('the status names an agent that waits for its upgrade, and the version', () => {
  expect(progressing({ state: 'Complete', message }, { upgradeTo: 'runtime:2' })).toEqual({
    type: 'Progressing',
    status: 'True',
    reason: 'UpgradePending',
    message: 'The agent waits for its turn to be upgraded to runtime:2.',
  });
  expect(progressing({ state: 'Complete', message })).toMatchObject({ reason: 'RolledOut' });
});

it('the status says that pods roll even if the agent also waits', () => {
  const rolling = { state: 'RollingOut' as const, message: '1/3 pods run the present template.' };
  expect(progressing(rolling, { upgradeTo: 'runtime:2' })).toMatchObject({ reason: 'RollingOut' });
});

it('the status says that the upgrade has stopped, and names the agent that stopped it', () => {
  const waits = { upgradeTo: 'runtime:2', upgradeStopped: true } as const;
  expect(progressing({ state: 'Complete', message }, waits)).toMatchObject({
    status: 'False',
    reason: 'UpgradeStopped',
    message: expect.stringContaining('The upgrade to runtime:2 has stopped'),
  });
  const stuck = { state: 'Failed' as const, message: 'The rollout makes no progress: image.' };
  expect(progressing(stuck, { upgradeFailed: true })).toMatchObject({
    status: 'False',
    reason: 'UpgradeFailed',
    message:
      'The rollout makes no progress: image. The agent was well before the operator upgraded it.',
  });
  expect(progressing(stuck)).toMatchObject({ reason: 'ProgressDeadlineExceeded' });
});

it('the status says that somebody paused the Deployment', () => {
  const conditions = [{ type: 'Progressing', status: 'Unknown', reason: 'DeploymentPaused' }];
  const counts = { generation: 2, observedGeneration: 2, replicas: 1, updatedReplicas: 0 };
  const deployment = { ...counts, readyReplicas: 1, conditions };
  const observation = { deployment } as unknown as AgentObservation;
  expect(rollOutOf(observation, 1)).toEqual({
    state: 'RollingOut',
    message:
      '0/1 pods run the present template. Somebody paused the Deployment; resume it with kubectl rollout resume.',
  });
});
