import { expect, it } from '@jest/globals';
import { progressing } from './rollout.ts';

const message = '3/3 pods run the present template.';

it('says that an agent waits to be upgraded, and to what', () => {
  expect(progressing({ state: 'Complete', message }, 'runtime:2')).toEqual({
    type: 'Progressing',
    status: 'True',
    reason: 'UpgradePending',
    message: 'The agent waits for its turn to be upgraded to runtime:2.',
  });
  expect(progressing({ state: 'Complete', message })).toMatchObject({ reason: 'RolledOut' });
});

it('says that pods roll even of an agent that waits besides', () => {
  const rolling = { state: 'RollingOut' as const, message: '1/3 pods run the present template.' };
  expect(progressing(rolling, 'runtime:2')).toMatchObject({ reason: 'RollingOut' });
});
