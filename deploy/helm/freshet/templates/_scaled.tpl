{{/*
Pods of which there are as many as needed, by root, component (ingest or query) and roles: their Service, what makes them, their budget
and what adds some. Values are those under the component's name.
*/}}
{{- define "freshet.scaled" -}}
{{- $root := .root -}}
{{- $v := index $root.Values .component -}}
{{- $name := printf "%s-%s" (include "freshet.fullname" $root) .component -}}
{{- $pods := include "freshet.pods" . -}}
{{- $canary := $root.Values.canary -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .service }}
  labels:
    {{- include "freshet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  {{- with $root.Values.service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $root.Values.service.type }}
  selector: {{- $pods | nindent 4 }}
  ports:
    - name: http
      port: {{ $root.Values.service.port }}
      targetPort: http
---
{{- if $canary.enabled }}
apiVersion: argoproj.io/v1alpha1
kind: Rollout
{{- else }}
apiVersion: apps/v1
kind: Deployment
{{- end }}
metadata:
  name: {{ $name }}
  labels: {{- include "freshet.labels" $root | nindent 4 }}
spec:
  {{- if not $v.autoscaling.enabled }}
  replicas: {{ $v.replicas }}
  {{- end }}
  selector:
    matchLabels: {{- $pods | nindent 6 }}
  progressDeadlineSeconds: 600
  {{- if $canary.enabled }}
  # A canary that does not become ready is taken back like one that answers badly.
  progressDeadlineAbort: true
  strategy:
    canary:
      maxSurge: 1
      maxUnavailable: 0
      steps:
        {{- range $canary.weights }}
        - setWeight: {{ . }}
        - pause:
            duration: {{ $canary.pause }}
        {{- end }}
      # It runs beside all steps but the first, and what it does not like is taken back at once.
      analysis:
        startingStep: 1
        templates:
          - templateName: {{ $name }}
        args:
          - name: hash
            valueFrom:
              podTemplateHashValue: Latest
  {{- else }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  {{- end }}
  template:
    {{- include "freshet.pod" (merge (dict "resources" $v.resources "preStop" $v.preStopSeconds "copies" true "spread" false) .) | nindent 4 }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels: {{- include "freshet.labels" $root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{- $pods | nindent 6 }}
{{- if $v.autoscaling.enabled }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels: {{- include "freshet.labels" $root | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: {{ ternary "argoproj.io/v1alpha1" "apps/v1" $canary.enabled }}
    kind: {{ ternary "Rollout" "Deployment" $canary.enabled }}
    name: {{ $name }}
  minReplicas: {{ $v.autoscaling.min }}
  maxReplicas: {{ $v.autoscaling.max }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ $v.autoscaling.cpu }}
{{- end }}
{{- end -}}
