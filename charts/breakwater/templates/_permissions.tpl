{{- /* Generated from operator/resources/resources.ts by `make generate`; do not edit. */ -}}

{{/* In the namespaces that are looked after. */}}
{{- define "breakwater.permissions.agents" -}}
- apiGroups: [breakwater.dev]
  resources: [agentdeployments, circuitbreakerpolicies, ratelimitpolicies]
  verbs: [list, watch]
- apiGroups: [breakwater.dev]
  resources: [agentdeployments/status, agentdeployments/finalizers, circuitbreakerpolicies/status, ratelimitpolicies/status]
  verbs: [update]
- apiGroups: ['']
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [pods]
  verbs: [list, watch, patch]
- apiGroups: [monitoring.coreos.com]
  resources: [prometheusrules, servicemonitors]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [replicasets]
  verbs: [list, watch]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: ['']
  resources: [serviceaccounts, services]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{/* In the operator's own namespace. */}}
{{- define "breakwater.permissions.operator" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "breakwater.fullname" . | quote }}]
  verbs: [get, update]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: ['']
  resources: [secrets]
  resourceNames: [{{ .Values.authoritySecret | quote }}]
  verbs: [get, update]
- apiGroups: ['']
  resources: [secrets]
  verbs: [create]
{{- end }}

{{/* On what is in no namespace. */}}
{{- define "breakwater.permissions.cluster" -}}
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
{{- end }}
