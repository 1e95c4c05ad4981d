{{/*
A pod's template, by root, component (server, ingest or query), roles (empty: all), resources, preStop (seconds, 0: none),
copies (there are several, whose folders are new at each start) and spread (there are several that keep theirs, of which one works: one
that stands by is ready, or an upgrade would wait for it for ever).
*/}}
{{- define "freshet.pod" -}}
{{- $root := .root -}}
metadata:
  labels:
    {{- include "freshet.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Settings are read at the start only.
    checksum/config: {{ include "freshet.config" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "freshet.fullname" $root }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ add .preStop $root.Values.drainSeconds $root.Values.flushSeconds }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if or .copies .spread }}
  # One node, or zone, that is lost takes one of them.
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "freshet.pods" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- with $root.Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: freshet
      image: {{ include "freshet.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: ["serve", "--config", "/etc/freshet/freshet.yaml"]
      env:
        # A folder of its own in the volume: made by the server, with its mode.
        - name: FRESHET_DATA
          value: /data/freshet
        {{- with .roles }}
        - name: FRESHET_ROLES
          value: {{ . }}
        {{- end }}
        {{- if .copies }}
        # Its folder is new at each start.
        - name: FRESHET_REQUIRE_DATA
          value: "false"
        {{- end }}
        {{- if .roles }}
        # What all pods share, whether the file has it or the secret: a pod that has it from neither is not started.
        {{- range $key := list "log.address" "store.address" "project" "cache.address" "archive.bucket" }}
        {{- if not (include "freshet.given" (dict "config" $root.Values.config "key" $key)) }}
        - name: FRESHET_{{ $key | upper | replace "." "_" }}
          valueFrom:
            secretKeyRef:
              name: {{ $root.Values.existingSecret }}
              key: FRESHET_{{ $key | upper | replace "." "_" }}
        {{- end }}
        {{- end }}
        {{- end }}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with $root.Values.existingSecret }}
      envFrom:
        - secretRef:
            name: {{ . }}
      {{- end }}
      ports:
        - name: http
          containerPort: 8080
      {{- with .preStop }}
      # SIGTERM closes the port at once, and the others of the cluster need a moment to send nothing more here.
      lifecycle:
        preStop:
          sleep:
            seconds: {{ . }}
      {{- end }}
      # The port is opened first. What is behind it may take long: it is waited for, never killed.
      startupProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 60
      # It says that the process answers, also while a disk hangs or an engine is away, where a restart does not help.
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet:
          path: /readyz{{ if .spread }}?standby=ok{{ end }}
          port: http
        periodSeconds: 2
        timeoutSeconds: 2
        failureThreshold: 3
      resources: {{- toYaml .resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: data
          mountPath: /data
        - name: config
          mountPath: /etc/freshet
          readOnly: true
        - name: tmp
          mountPath: /tmp
  volumes:
    - name: config
      configMap:
        name: {{ include "freshet.fullname" $root }}
    - name: tmp
      emptyDir:
        sizeLimit: {{ $root.Values.tmpSize }}
    {{- if .copies }}
    # A copy of projects and keys, which may be lost.
    - name: data
      emptyDir:
        sizeLimit: 1Gi
    {{- else if $root.Values.persistence.existingClaim }}
    - name: data
      persistentVolumeClaim:
        claimName: {{ $root.Values.persistence.existingClaim }}
    {{- end }}
{{- end -}}
