import type { Endpoint } from '../../../contract/generated/types.ts';

/** The model that an endpoint is asked for when a client names `model`. */
export function modelAt(
  { model: own, models }: Pick<Endpoint, 'model' | 'models'>,
  model: string,
): string {
  return models?.find(({ name }) => name === model)?.as ?? own ?? model;
}
