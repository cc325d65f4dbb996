import { describe, expect, it } from '@jest/globals';
import { Allowances, routeKindOf } from './allowance.ts';
import type { Allowance, AskedMessage } from './allowance.ts';

const OWN = { conversations: 'Own', admin: false };

function of(allow: object): Allowance {
  return new Allowances([{ name: '*', allow: { ...OWN, ...allow } }]).of({ name: 'alice' });
}

const ASKED: AskedMessage = { tokenBound: 'max_tokens', model: 'claude-haiku-4-5', maxTokens: 100 };

describe('the allowance of a client', () => {
  it('is that of the first entry which names it, by its name or by a claim of its token', () => {
    const allowances = new Allowances([
      { name: 'alice', allow: { ...OWN, maxTokens: 1 } },
      { claim: { name: 'groups', value: 'support' }, allow: { ...OWN, maxTokens: 2 } },
      { claim: { name: 'scope', value: 'read' }, allow: { ...OWN, maxTokens: 3 } },
    ]);
    const bound = (name: string, claims?: Record<string, unknown>): number | undefined =>
      allowances.of({ name, ...(claims && { claims }) }).maxTokens;
    expect(bound('alice')).toBe(1);
    expect(bound('bob', { groups: ['sales', 'support'] })).toBe(2);
    expect(bound('bob', { scope: 'write read' })).toBe(3);
    for (const claims of [
      { groups: 'supporter' },
      { groups: { support: true } },
      JSON.parse('{"__proto__":{"groups":["support"]}}') as Record<string, unknown>,
    ]) {
      expect(allowances.of({ name: 'bob', claims }).route('Messages')?.failure.message).toContain(
        'no entry',
      );
    }
    // A name in the place of a claim.
    expect(allowances.of({ name: 'support' }).route('Models')).toBeDefined();
  });

  it('bounds routes', () => {
    const allowance = of({ routes: ['Messages'] });
    expect(allowance.route(routeKindOf('/v1/messages'))).toBeUndefined();
    for (const route of [
      '/v1/messages/count_tokens',
      '/v1/models',
      '/v1/conversations/{id}',
      '/v1/messages/batches',
      '/v1/files',
    ]) {
      expect(allowance.route(routeKindOf(route))?.failure.reason).toBe('Forbidden');
    }
    expect(of({}).route('Provider')).toBeUndefined();
  });

  it.each<[string, object, Partial<AskedMessage>, string | undefined]>([
    ['a model by its name', { models: ['claude-haiku-4-5'] }, {}, undefined],
    ['a model by a beginning', { models: ['claude-haiku-*'] }, {}, undefined],
    ['another model', { models: ['claude-haiku-*'] }, { model: 'claude-opus-4-1' }, 'this model'],
    ['no model', { models: ['claude-haiku-*'] }, { model: '' }, 'this model'],
    ['as many tokens', { maxTokens: 100 }, {}, undefined],
    ['more tokens', { maxTokens: 99 }, {}, 'at most 99'],
    ['tokens that are no number', { maxTokens: 99 }, { maxTokens: undefined }, 'at most 99'],
    ['a request without an answer', { maxTokens: 99 }, { maxTokens: 'None' }, undefined],
    ['everything', { admin: true }, { model: 'x' }, undefined],
  ])('judges %s', (_, allow, asked, message) => {
    const denial = of(allow).request({ ...ASKED, ...asked });
    expect(denial?.failure.message).toEqual(
      message === undefined ? undefined : expect.stringContaining(message),
    );
  });

  it('bounds tools, and opens the conversations of others', () => {
    const allowance = of({ tools: ['find_order', 'stock__*'], conversations: 'All' });
    const tools = ['find_order', 'find_orders', 'stock__count', 'stock'];
    expect(tools.map((tool) => allowance.tool(tool))).toEqual([true, false, true, false]);
    expect(allowance.allConversations).toBe(true);
    expect(of({}).allConversations).toBe(false);
    expect(of({ conversations: 'Some' }).allConversations).toBe(false);
    expect(of({ admin: true }).allConversations).toBe(true);
  });
});
