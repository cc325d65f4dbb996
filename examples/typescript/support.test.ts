import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAgent } from '@breakwater/agent';
import { answering, calling, failing, testEnvironment } from '@breakwater/agent/testing';
import { findOrder } from './orders.ts';
import { initial, reduce } from './support.ts';

test('the model gets the order that it asks for', async () => {
  const environment = testEnvironment({
    model: answering(calling('find_order', { id: '7' }), 'It was sent.'),
    tools: { find_order: (input) => findOrder((input as { id: string }).id) },
  });
  const { dispatch } = createAgent({ initial, reduce, environment });
  assert.equal(await dispatch({ type: 'Send', content: 'Where is order 7?' }), 'It was sent.');
  assert.match(JSON.stringify(environment.requests[1]), /sent/);
});

test('a model that fails five times opens its circuit', async () => {
  const environment = testEnvironment({ model: failing(5) });
  const { dispatch } = createAgent({ initial, reduce, environment });
  const send = (): Promise<unknown> => dispatch({ type: 'Send', content: 'Hi' });
  for (let i = 0; i < 5; i += 1) await assert.rejects(send, /UpstreamError/);
  assert.equal(environment.circuit('model/primary'), 'Open');
  await assert.rejects(send, /CircuitBreakerOpen/);
});
