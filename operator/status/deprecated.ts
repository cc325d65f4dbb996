import type { KubernetesObject } from '../../crds/meta.ts';
import {
  deprecatedFields,
  isSaid,
  pathText,
  SINCE,
  UNTIL,
  type Found,
} from '../../crds/deprecated.ts';
import type { ConditionDraft } from '../desired/common/condition.ts';

/** Only while the object sets a renamed or removed field to other than what an earlier version filled in. */
export function deprecatedFieldsCondition(object: KubernetesObject): ConditionDraft[] {
  const found = deprecatedFields(object).filter(isSaid);
  if (found.length === 0) return [];
  const ignored = found.some(({ field }) => field.how === 'Removed');
  return [
    {
      type: 'DeprecatedFields',
      status: 'True',
      reason: ignored ? 'FieldsIgnored' : 'FieldsRenamed',
      message: [...found.map(sentence), 'breakwater migrate -f PATH rewrites manifests.'].join(' '),
    },
  ];
}

function sentence({ field: { how, instead }, at }: Found): string {
  const what =
    how === 'Removed'
      ? `was removed in ${SINCE} and is ignored`
      : `was renamed in ${SINCE} and is read until ${UNTIL}`;
  return `${pathText(at)} ${what}. ${instead}`;
}
