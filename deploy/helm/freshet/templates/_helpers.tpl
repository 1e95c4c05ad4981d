{{- define "freshet.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "freshet.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "freshet.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "freshet.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What tells this release's pods from others. */}}
{{- define "freshet.selector" -}}
app.kubernetes.io/name: freshet
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The same of its pods of one kind: server (with mode: cluster the one that stores events), ingest or query. Never changed, because a
StatefulSet's selector cannot be, and the volume stays when the mode changes. */}}
{{- define "freshet.pods" -}}
{{ include "freshet.selector" .root }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "freshet.labels" -}}
{{ include "freshet.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "freshet.image" -}}
{{- $i := .Values.image -}}
{{- if $i.digest -}}{{ $i.repository }}@{{ $i.digest }}{{- else -}}{{ $i.repository }}:{{ $i.tag }}{{- end -}}
{{- end -}}

{{/* The configuration file: what was given, and what belongs to the pod. */}}
{{- define "freshet.config" -}}
{{- $own := dict "listen" ":8080" "admin_listen" "127.0.0.1:8081" "drain_timeout" (printf "%ds" (int .Values.drainSeconds)) -}}
{{- toYaml (merge $own (deepCopy .Values.config)) -}}
{{- end -}}

{{/* What the configuration file has for a key of at most two parts; empty: nothing. */}}
{{- define "freshet.given" -}}
{{- $parts := splitList "." .key -}}
{{- if eq (len $parts) 1 -}}{{- dig (index $parts 0) "" .config -}}
{{- else -}}{{- dig (index $parts 0) (index $parts 1) "" .config -}}{{- end -}}
{{- end -}}

{{/* The claim of the data folder, by the name that a StatefulSet gives it. */}}
{{- define "freshet.claim" -}}
{{- default (printf "data-%s-0" (include "freshet.fullname" .)) .Values.persistence.existingClaim -}}
{{- end -}}
