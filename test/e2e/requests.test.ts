import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { credentialFingerprint } from '../../cli/simulator/record.ts';
import { restarts } from '../kit/agents.ts';
import type { PodClient } from '../kit/enforcement.ts';
import { outcome } from '../kit/traffic.ts';
import { waitFor } from '../kit/wait.ts';
import type { SandboxModel } from './sandbox.ts';
import { Sandbox } from './sandbox.ts';

jest.setTimeout(120_000);

describe('requests to an agent', () => {
  let sandbox: Sandbox;
  let model: SandboxModel;
  let pod: PodClient;
  let sdk: Anthropic;

  const question = {
    model: 'claude-opus-5',
    max_tokens: 32,
    messages: [{ role: 'user' as const, content: 'Is the harbour open?' }],
  };

  beforeAll(async () => {
    sandbox = await Sandbox.open('requests');
    model = await sandbox.model('oracle', 9401);
    await sandbox.apply(
      sandbox.secret('temple', 'incense'),
      sandbox.agent({
        name: 'pilgrim',
        baseURL: model.baseURL,
        secret: 'temple',
        model: 'claude-sonnet-5-5',
      }),
      sandbox.breaker('vow', 'pilgrim', { trip: { consecutiveFailures: 100 } }),
    );
    await sandbox.agents.waitForAgent('pilgrim');
    pod = (await sandbox.ways('pilgrim'))[0]!;
    sdk = new Anthropic({ baseURL: pod.url, apiKey: 'of-the-client', maxRetries: 0 });
  });

  beforeEach(async () => {
    await model.control.setFault(undefined);
    await model.control.resetRequests();
  });

  afterAll(() => sandbox.close());

  const isWell = async (): Promise<void> => {
    expect(outcome(await pod.send())).toBe('200');
  };

  /** A broken connection ends kubectl port-forward, so such a test has its own. */
  const wayToBreak = async (): Promise<PodClient> => (await sandbox.ways('pilgrim'))[0]!;

  it('pass from the official SDK unchanged, with the credentials and model of the agent', async () => {
    const message = await sdk.messages.create(question);
    expect(message).toMatchObject({ model: 'claude-sonnet-5-5', stop_reason: 'end_turn' });
    expect((await model.control.requests()).byCredential).toEqual({
      [credentialFingerprint('incense')]: 1,
    });
  });

  it('pass from the official SDK as streams', async () => {
    await model.control.setFault({ events: 30, eventMs: 10 });
    const stream = sdk.messages.stream(question);
    let pieces = 0;
    stream.on('text', () => (pieces += 1));
    const message = await stream.finalMessage();
    expect(message.stop_reason).toBe('end_turn');
    expect(pieces).toBe(30);
  });

  it("get the endpoint's own error as an error class of the SDK", async () => {
    await model.control.setFault({ status: 529 });
    const error = await sdk.messages.create(question).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Anthropic.APIError);
    expect(error).toMatchObject({ status: 529, error: { error: { type: 'overloaded_error' } } });
  });

  it('are refused with 400 when they are not JSON', async () => {
    const answer = await pod.send({ body: '{"model": ' });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect((await model.control.requests()).total).toBe(0);
    await isWell();
  });

  it('are refused with 413 when they are too large', async () => {
    const way = await wayToBreak();
    const answer = await way.send({ body: `"${'x'.repeat(33 * 1024 * 1024)}"` });
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body)).toMatchObject({ error: { type: 'request_too_large' } });
    await isWell();
  });

  it('end without a vote if the client leaves', async () => {
    await model.control.setFault({ silent: true });
    const leave = new AbortController();
    const begun = Promise.withResolvers<void>();
    const way = await wayToBreak();
    const abandoned = way.send({
      stream: true,
      signal: leave.signal,
      onData: () => begun.resolve(),
    });
    await begun.promise;
    leave.abort();
    await abandoned;
    await waitFor(
      'the model sees the client leave',
      () => model.control.requests(),
      ({ aborted, inFlight }) => aborted === 1 && inFlight === 0,
    );
    await model.control.setFault(undefined);
    await isWell();
    const policy = await sandbox.agents.breaker('vow');
    expect(policy.status?.circuits?.[0]?.lastFailure?.class).not.toBe('Timeout');
  });

  it('end with an error event when the model breaks off a stream', async () => {
    await model.control.setFault({ cutAfterEvents: 4 });
    const answer = await pod.send({ stream: true });
    expect(answer.status).toBe(200);
    expect(answer.body).toContain('event: error');
    await model.control.setFault(undefined);
    await isWell();
  });

  it('have restarted no pod', async () => {
    expect(Object.values(restarts(await sandbox.agents.pods('pilgrim')))).toEqual([0]);
  });
});
