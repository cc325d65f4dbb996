import { permissions, type PolicyRule, type Scope } from '../operator/resources/permissions.ts';

const SCOPES: Record<Scope, string> = {
  Agents: 'In the namespaces that are looked after.',
  Operator: "In the operator's own namespace.",
  Cluster: 'On what is in no namespace.',
};

/** How the chart calls the settings by which single objects are named. */
const NAMES: Record<NonNullable<PolicyRule['only']>, string> = {
  leaseName: '{{ include "breakwater.fullname" . | quote }}',
  authoritySecret: '{{ .Values.authoritySecret | quote }}',
};

/** Named templates of the Helm chart with the rules for each scope. */
export function permissionTemplates(): string {
  const templates = Object.entries(SCOPES).map(
    ([scope, where]) =>
      `{{/* ${where} */}}\n{{- define "breakwater.permissions.${scope.toLowerCase()}" -}}\n` +
      permissions(scope as Scope)
        .map(ruleText)
        .join('') +
      '{{- end }}\n',
  );
  return [
    '{{- /* Generated from operator/resources/resources.ts by `make generate`; do not edit. */ -}}\n',
    ...templates,
  ].join('\n');
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'];

function ruleText({ only, apiGroups, resources, verbs }: PolicyRule): string {
  const sorted = VERBS.filter((verb) => verbs.includes(verb));
  return [
    `- apiGroups: [${apiGroups.map((group) => group || "''").join(', ')}]`,
    `  resources: [${resources.join(', ')}]`,
    ...(only === undefined ? [] : [`  resourceNames: [${NAMES[only]}]`]),
    `  verbs: [${sorted.join(', ')}]`,
    '',
  ].join('\n');
}
