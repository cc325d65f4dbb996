{{/* Name of the Deployment, ServiceAccount, roles, Service and Lease. */}}
{{- define "breakwater.fullname" -}}
{{- .Values.fullnameOverride | default "breakwater-operator" -}}
{{- end }}

{{- define "breakwater.serviceAccountName" -}}
{{- .Values.serviceAccount.name | default (include "breakwater.fullname" .) -}}
{{- end }}

{{/* Labels that select the operator's pods; they never change. */}}
{{- define "breakwater.selectorLabels" -}}
app.kubernetes.io/name: breakwater-operator
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "breakwater.labels" -}}
{{ include "breakwater.selectorLabels" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: breakwater
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | quote }}
{{- end }}

{{- define "breakwater.operatorImage" -}}
{{- .Values.image.operator | default (printf "localhost/breakwater/operator:%s" .Chart.AppVersion) -}}
{{- end }}

{{- define "breakwater.runtimeImage" -}}
{{- .Values.image.runtime | default (printf "localhost/breakwater/runtime:%s" .Chart.AppVersion) -}}
{{- end }}

{{/* What the operator may do with agents, policies and what it makes from them. */}}
{{- define "breakwater.rules" -}}
- apiGroups: [breakwater.dev]
  resources: [agentdeployments, circuitbreakerpolicies, ratelimitpolicies]
  verbs: [get, list, watch]
- apiGroups: [breakwater.dev]
  resources: [agentdeployments/status, circuitbreakerpolicies/status, ratelimitpolicies/status]
  verbs: [update, patch]
# Needed to own objects with blockOwnerDeletion where the API server enforces permissions for that.
- apiGroups: [breakwater.dev]
  resources: [agentdeployments/finalizers]
  verbs: [update]
- apiGroups: ['']
  resources: [pods]
  verbs: [get, list, watch]
- apiGroups: ['']
  resources: [serviceaccounts, configmaps, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}
