{{/* What every kind of container has; no probes. */}}
{{- define "rpoguard.containerBase" -}}
image: {{ include "rpoguard.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - serve
  - --config.file=/etc/rpoguard/rpoguard.yml
  {{- if eq .Values.mode "fleet" }}
  - --part=$(RPOGUARD_POD_INDEX)/{{ int .Values.replicaCount }}
  {{- end }}
  {{- with .Values.webConfig.ops }}
  - --web.config.file={{ . }}
  {{- end }}
  {{- with .Values.webConfig.gate }}
  - --gate.web.config.file={{ . }}
  {{- end }}
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .Values.extraEnv (eq .Values.mode "fleet") }}
env:
  {{- if eq .Values.mode "fleet" }}
  - name: RPOGUARD_POD_INDEX
    valueFrom:
      fieldRef:
        fieldPath: metadata.labels['apps.kubernetes.io/pod-index']
  {{- end }}
  {{- with .Values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
ports:
  - {name: rpoguard-ops, containerPort: 10187, protocol: TCP}
  - {name: rpoguard-gate, containerPort: 10188, protocol: TCP}
  {{- if .Values.webConfig.ops }}
  - {name: rpoguard-health, containerPort: 10189, protocol: TCP}
  {{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - {name: rpoguard-config, mountPath: /etc/rpoguard, readOnly: true}
  - {name: rpoguard-state, mountPath: /var/lib/rpoguard}
  {{- with include "rpoguard.secretMounts" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if and (eq .Values.mode "sidecar") .Values.sidecar.leaseDirectory }}
  - {name: rpoguard-lease, mountPath: {{ .Values.sidecar.leaseDirectory | quote }}}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "rpoguard.secretMounts" -}}
{{- range .Values.existingSecrets }}
- {name: {{ printf "rpoguard-secret-%s" .name | trunc 63 | trimSuffix "-" }}, mountPath: {{ .mountPath | quote }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "rpoguard.secretVolumes" -}}
{{- range .Values.existingSecrets }}
- name: {{ printf "rpoguard-secret-%s" .name | trunc 63 | trimSuffix "-" }}
  secret:
    secretName: {{ .name | quote }}
    defaultMode: 288  # 0440: YAML parsers do not agree on octal numbers
{{- end }}
{{- end -}}

{{/* (dict "probe" ... "root" $). A kubelet has no certificate and no password. */}}
{{- define "rpoguard.probe" -}}
{{- $probe := toYaml .probe -}}
{{- if .root.Values.webConfig.ops -}}
{{- $probe = replace "rpoguard-ops" "rpoguard-health" $probe -}}
{{- end -}}
{{- $probe -}}
{{- end -}}

{{/* Without the volume of the state: who owns that differs. */}}
{{- define "rpoguard.volumesBase" -}}
- name: rpoguard-config
  configMap:
    name: {{ include "rpoguard.configMapName" . }}
{{- with include "rpoguard.secretVolumes" . | trim }}
{{ . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
For your own chart: one entry of initContainers, which goes on beside your containers.
  initContainers:
    {{- include "rpoguard.sidecar" .Subcharts.rpoguard | nindent 4 }}
It has no readiness probe: that would count for your Pod, and a broken promise must not take the database away.
*/}}
{{- define "rpoguard.sidecar" -}}
{{- if ne .Values.mode "sidecar" -}}
{{- fail "rpoguard: set mode to sidecar where rpoguard.sidecar is included" -}}
{{- end -}}
- name: rpoguard
  restartPolicy: Always
  {{- include "rpoguard.containerBase" . | nindent 2 }}
  startupProbe:
    {{- include "rpoguard.probe" (dict "probe" .Values.startupProbe "root" .) | nindent 4 }}
  livenessProbe:
    {{- include "rpoguard.probe" (dict "probe" .Values.livenessProbe "root" .) | nindent 4 }}
{{- end -}}

{{/*
Its entries of volumes. With persistence the volume rpoguard-state is yours: a claim in your volumeClaimTemplates.
*/}}
{{- define "rpoguard.sidecarVolumes" -}}
{{ include "rpoguard.volumesBase" . }}
{{- if not .Values.persistence.enabled }}
- name: rpoguard-state
  emptyDir: {}
{{- end }}
{{- if .Values.sidecar.leaseDirectory }}
- name: rpoguard-lease
  emptyDir: {medium: Memory, sizeLimit: 16Mi}
{{- end }}
{{- end -}}

{{/* Template and volumes of the Pods of Deployment and StatefulSet. */}}
{{- define "rpoguard.podTemplate" -}}
metadata:
  labels:
    {{- include "rpoguard.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- $checksum := include "rpoguard.configAnnotation" . }}
  {{- if or $checksum .Values.podAnnotations }}
  annotations:
    {{- with $checksum }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- end }}
spec:
  serviceAccountName: {{ include "rpoguard.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . | quote }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: rpoguard
      {{- include "rpoguard.containerBase" . | nindent 6 }}
      startupProbe:
        {{- include "rpoguard.probe" (dict "probe" .Values.startupProbe "root" .) | nindent 8 }}
      livenessProbe:
        {{- include "rpoguard.probe" (dict "probe" .Values.livenessProbe "root" .) | nindent 8 }}
      readinessProbe:
        {{- include "rpoguard.probe" (dict "probe" .Values.readinessProbe "root" .) | nindent 8 }}
  volumes:
    {{- include "rpoguard.volumesBase" . | nindent 4 }}
    {{- if not .Values.persistence.enabled }}
    - name: rpoguard-state
      emptyDir: {}
    {{- else if eq .Values.mode "deployment" }}
    - name: rpoguard-state
      persistentVolumeClaim:
        claimName: {{ default (include "rpoguard.fullname" .) .Values.persistence.existingClaim }}
    {{- end }}
  {{- range $key := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with get $.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "rpoguard.claimSpec" -}}
accessModes:
  {{- toYaml .Values.persistence.accessModes | nindent 2 }}
resources:
  requests:
    storage: {{ .Values.persistence.size | quote }}
{{- with .Values.persistence.storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
{{- end -}}
