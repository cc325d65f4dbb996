import { expect, it } from '@jest/globals';
import type { Kubectl } from './kubectl.ts';
import { refusals } from './platform.ts';

const logging = (...lines: string[]): Kubectl =>
  ({ run: () => Promise.resolve(lines.join('\n')) }) as unknown as Kubectl;

const STARTED = '[pod/operator-0/operator] {"msg":"Operator started"}';
const TERMINATING =
  '{"msg":"Reconcile failed","err":{"message":"configmaps \\"a\\" is forbidden: unable to create new content in namespace a because it is being terminated"}}';
const REFUSED =
  '{"msg":"Watch failed","err":{"message":"pods is forbidden: User \\"system:serviceaccount:breakwater-system:breakwater-operator\\" cannot list resource \\"pods\\""}}';

it('refusals finds missing permissions and ignores namespaces in deletion', async () => {
  expect(await refusals(logging(STARTED, TERMINATING))).toEqual([]);
  expect(await refusals(logging(STARTED, TERMINATING, REFUSED))).toEqual([REFUSED]);
});

it('refusals fails for an empty log', async () => {
  await expect(refusals(logging(''))).rejects.toThrow('the log of the operator is empty');
});
