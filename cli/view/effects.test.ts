import { describe, expect, it } from '@jest/globals';
import { effects } from './effects.ts';

const configMap = (threshold: number): string =>
  `kind: ConfigMap\nmetadata: { name: a, namespace: shop }\ndata: { configuration.json: '{"trip": ${threshold}}' }\n`;
const deployment = (replicas: number, image: string): string =>
  `kind: Deployment\nmetadata: { name: a, namespace: shop }\nspec: { replicas: ${replicas}, template: { image: ${image} } }\n`;

describe('effects', () => {
  it('shows changes of a configuration, which need no restart', () => {
    const [one] = effects(configMap(5), configMap(3));
    expect(one).toMatchObject({ object: 'ConfigMap shop/a', effect: 'Changed' });
    expect(one!.lines).toEqual(expect.arrayContaining(['-    trip: 5', '+    trip: 3']));
  });

  it('distinguishes a change of the pod template from one of the scale', () => {
    const effect = (after: string) => effects(deployment(1, 'x'), after)[0]?.effect;
    expect(effect(deployment(1, 'y'))).toBe('Restart');
    expect(effect(deployment(2, 'x'))).toBe('Changed');
    expect(effect(deployment(1, 'x'))).toBeUndefined();
  });

  it('shows new objects', () => {
    expect(effects('', configMap(5))).toMatchObject([{ effect: 'New' }]);
  });
});
