import { describe, expect, it } from '@jest/globals';
import fc from '../../test/property.ts';
import { content } from '../testing/guardFixture.ts';
import { CACHE_LIFETIME_MS, LONG_CACHE_LIFETIME_MS } from '../model/pool/affinity.ts';
import type { Session } from '../model/pool/affinity.ts';
import { scanObject } from '../json/scan.ts';
import { anthropicMessages } from '../protocols/anthropicMessages.ts';
import { sessions } from './requests.ts';

const ENDPOINTS = ['a', 'b'].map((name) => {
  return { name, provider: 'Anthropic', priority: 0, weight: 1, baseURL: 'http://model.test' };
});
const CACHED = { cache_control: { type: 'ephemeral' } };
const NOBODY = { principal: '', headers: [] as string[] };
const SYSTEM = [{ type: 'text', text: 'You are a clerk.', ...CACHED }];
const PROMPT = { system: SYSTEM, messages: [{ role: 'user', content: 'Hello' }] };

interface Question {
  body?: object;
  client?: { principal: string; headers: string[] };
  affinity?: { mode: string; header?: string };
  endpoints?: typeof ENDPOINTS;
}

function session({
  body = PROMPT,
  client = NOBODY,
  affinity = { mode: 'Automatic' },
  endpoints = ENDPOINTS,
}: Question = {}): Session | undefined {
  const sessionOf = sessions({ content: content({ affinity, endpoints }), endpoints }, client);
  const bytes = Buffer.from(JSON.stringify(body));
  const names = new Set(['system', 'messages']);
  return sessionOf(anthropicMessages, bytes, scanObject(bytes, names)!.members);
}

const key = (question: Question): string | undefined => session(question)?.key;
const headers = (...list: string[]): Question => ({ client: { principal: '', headers: list } });

describe('the session of a request', () => {
  it('follows from the header of Claude Code, else from that of the agent, else from the prompt', () => {
    const affinity = { mode: 'Automatic', header: 'x-session-id' };
    const named = headers('X-Claude-Code-Session-Id', 'one', 'X-Session-Id', 'two');
    const one = key(headers('x-claude-code-session-id', 'one'));
    expect(key({ ...named, affinity })).toBe(one);
    const two = key({ ...headers('X-Session-Id', 'two'), affinity });
    expect(new Set([one, two, key({})]).size).toBe(3);
    expect(key({ ...headers('X-Session-Id', 'two'), affinity, body: {} })).toBe(two);
    expect(key(headers('X-Session-Id', 'two'))).toBe(key({}));
    expect(key({ ...headers('X-Session-Id', ''), affinity })).toBe(key({}));
  });

  it('is the same in all turns, wherever cache_control moves', () => {
    const body = {
      system: 'You are a clerk.',
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
        { role: 'assistant', content: 'Hi' },
        { role: 'user', content: [{ type: 'text', text: 'Go on', ...CACHED }] },
      ],
    };
    expect(key({ body })).toBe(key({}));
  });

  it.each<[string, object]>([
    ['system prompt', { ...PROMPT, system: [{ ...SYSTEM[0], text: 'You are a cook.' }] }],
    ['first message', { ...PROMPT, messages: [{ role: 'user', content: 'Good day' }] }],
    [
      'picture',
      {
        ...PROMPT,
        messages: [{ role: 'user', content: [{ type: 'image', source: { data: 'AAAA' } }] }],
      },
    ],
  ])('differs with another %s', (_, body) => {
    expect(key({ body })).toBeDefined();
    expect(key({ body })).not.toBe(key({}));
  });

  it('is not shared by clients, whether the agent or only the provider authenticates them', () => {
    const named = ['x-claude-code-session-id', 'one'];
    const clients = [
      { principal: '', headers: named },
      { principal: 'key ann', headers: named },
      { principal: 'key bob', headers: named },
      { principal: '', headers: [...named, 'x-api-key', 'ann'] },
      { principal: '', headers: [...named, 'authorization', 'ann'] },
    ];
    const keys = clients.map((client) => key({ client }));
    expect(new Set(keys).size).toBe(clients.length);
    expect(keys.join()).not.toMatch(/ann|bob|one/);
  });

  it('does not follow from a prompt without cache_control, unless the mode is Always', () => {
    const body = { messages: [{ role: 'user', content: 'What is "cache_control"?' }] };
    expect(session({ body })).toBeUndefined();
    expect(session({ body, affinity: { mode: 'Always' } })).toBeDefined();
    expect(session({ body: {}, affinity: { mode: 'Always' } })).toBeUndefined();
    expect(session({ ...headers('x-claude-code-session-id', 'one'), body })).toBeDefined();
  });

  it.each<[string, Question]>([
    ['the agent wants no affinity', { affinity: { mode: 'Disabled' } }],
    ['the mode is unknown', { affinity: { mode: 'Sometimes' } }],
    ['there is one endpoint', { endpoints: ENDPOINTS.slice(0, 1) }],
    [
      'each endpoint has a priority of its own',
      { endpoints: ENDPOINTS.map((each, priority) => ({ ...each, priority })) },
    ],
  ])('is not computed when %s', (_, question) => {
    expect(session({ ...headers('x-claude-code-session-id', 'one'), ...question })).toBeUndefined();
  });

  it('is a digest or undefined for any body', () => {
    const part = fc.oneof(fc.jsonValue(), fc.constant(SYSTEM), fc.constant(PROMPT.messages));
    const body = fc.record(
      { system: part, messages: part, tools: part, cache_control: part, text: fc.constant('1h') },
      { requiredKeys: ['cache_control'] },
    );
    fc.assert(
      fc.property(body, (any) => {
        expect(key({ body: any }) ?? '').toMatch(/^([\w-]{43})?$/);
      }),
    );
  });

  it('has a cache of 5 minutes, or of 1 hour if any part of the prompt asks for that', () => {
    const long = { cache_control: { type: 'ephemeral', ttl: '1h' } };
    const text = { type: 'text', text: '"ttl": "1h"' };
    const result = { type: 'tool_result', tool_use_id: 't', content: [{ ...text, ...long }] };
    const lifetime = (body: object): number | undefined => session({ body })?.cacheMs;
    expect(lifetime(PROMPT)).toBe(CACHE_LIFETIME_MS);
    expect(lifetime({ ...PROMPT, messages: [{ role: 'user', content: [text] }] })).toBe(
      CACHE_LIFETIME_MS,
    );
    for (const part of [
      { ...long },
      { system: [{ ...text, ...long }] },
      { tools: [{ name: 'look', ...long }] },
      {
        messages: [
          { role: 'user', content: [text] },
          { role: 'user', content: [result] },
        ],
      },
    ]) {
      expect(lifetime({ ...PROMPT, ...part })).toBe(LONG_CACHE_LIFETIME_MS);
    }
  });
});
