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

{{/* Images of the chart's own release. The chart of a checkout has none that a cluster could pull. */}}
{{- define "breakwater.operatorImage" -}}
{{- $default := printf "localhost/breakwater/operator:%s" .Chart.AppVersion -}}
{{- include "breakwater.image" (dict "field" "image.operator" "value" .Values.image.operator "default" $default) -}}
{{- end }}

{{- define "breakwater.runtimeImage" -}}
{{- $default := printf "localhost/breakwater/runtime:%s" .Chart.AppVersion -}}
{{- include "breakwater.image" (dict "field" "image.runtime" "value" .Values.image.runtime "default" $default) -}}
{{- end }}

{{- define "breakwater.image" -}}
{{- if and (not .value) (hasPrefix (printf "%s/" "localhost") .default) -}}
{{- fail (printf "%s is missing. This chart is of a checkout, not of a release, so that no registry has its images: build them, push them, and set image.operator and image.runtime." .field) -}}
{{- end -}}
{{- .value | default .default -}}
{{- end }}

{{/* Keeps replicas on different nodes, unless an affinity of one's own is given. */}}
{{- define "breakwater.affinity" -}}
{{- if .Values.affinity -}}
{{ toYaml .Values.affinity }}
{{- else if eq .Values.antiAffinity "Preferred" -}}
podAntiAffinity:
  preferredDuringSchedulingIgnoredDuringExecution:
    - weight: 100
      podAffinityTerm:
        topologyKey: kubernetes.io/hostname
        labelSelector:
          matchLabels:
            {{- include "breakwater.selectorLabels" . | nindent 12 }}
{{- else if eq .Values.antiAffinity "Required" -}}
podAntiAffinity:
  requiredDuringSchedulingIgnoredDuringExecution:
    - topologyKey: kubernetes.io/hostname
      labelSelector:
        matchLabels:
          {{- include "breakwater.selectorLabels" . | nindent 10 }}
{{- end }}
{{- end }}

{{/* The page of an alert: (list $ NAME). */}}
{{- define "breakwater.runbook" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.runbooksURL -}}
runbook_url: {{ printf "%s/%s.md" (trimSuffix "/" .) (index $ 1) | quote }}
{{- else -}}
runbook: {{ printf "docs/runbooks/%s.md" (index . 1) }}
{{- end -}}
{{- end }}

{{/* Namespaces that are looked after, with commas between them; empty: all. */}}
{{- define "breakwater.namespaces" -}}
{{- join "," (append .Values.watchNamespaces .Values.watchNamespace | compact | uniq) -}}
{{- end }}

{{/* watchSelector as kubectl takes it: share=east,team in (a,b),!legacy. */}}
{{- define "breakwater.selector" -}}
{{- $requirements := list -}}
{{- range $key, $value := .Values.watchSelector.matchLabels -}}
{{- $requirements = append $requirements (printf "%s=%s" $key $value) -}}
{{- end -}}
{{- range .Values.watchSelector.matchExpressions -}}
{{- $values := join "," .values -}}
{{- $texts := dict "In" (printf "%s in (%s)" .key $values) "NotIn" (printf "%s notin (%s)" .key $values) "Exists" .key "DoesNotExist" (printf "!%s" .key) -}}
{{- $requirements = append $requirements (get $texts .operator) -}}
{{- end -}}
{{- join "," $requirements -}}
{{- end }}

{{/* Levels of logs by module: links=debug,reconcile=warn. */}}
{{- define "breakwater.logLevels" -}}
{{- $pairs := list -}}
{{- range $module, $level := .Values.logLevels -}}
{{- $pairs = append $pairs (printf "%s=%s" $module $level) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end }}
