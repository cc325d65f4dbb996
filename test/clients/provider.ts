import { fakeEndpoint } from '../../runtime/testing/upstream.ts';
import type { FakeEndpoint } from '../../runtime/testing/upstream.ts';
import { FAULTS, HEALTHY } from './faults.ts';

/** A request with this header is answered as by a provider that is well. */
export const WELL = 'x-test-well';

interface Body {
  model: string;
  stream?: boolean;
  tools?: unknown[];
}

/** A model to ask for is called by the index of its fault: some clients put no spaces into a name. */
export const modelOf = (fault: number): string => `fault-${fault}`;

/** A provider whose models each have a fault of their own. The credential names the call, because clients try again. */
export async function startProvider(): Promise<FakeEndpoint> {
  const calls = new Map<string, number>();
  return fakeEndpoint((response, { body, headers }) => {
    response.on('error', () => undefined);
    const { model, stream = false, tools = [] } = JSON.parse(body.toString()) as Body;
    const key = `${String(headers['x-api-key'])} ${model}`;
    const before = calls.get(key) ?? 0;
    calls.set(key, before + 1);
    const asked = { response, stream, tools: tools.length > 0, before };
    const fault = FAULTS[Number(model.replace('fault-', ''))]!;
    if (headers[WELL] === undefined) fault.answer(asked);
    else HEALTHY(asked);
  });
}
