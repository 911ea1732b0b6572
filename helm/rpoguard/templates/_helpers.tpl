{{- define "rpoguard.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Leaves room for what is appended: 63 characters are the limit of a label. */}}
{{- define "rpoguard.fullname" -}}
{{- $name := include "rpoguard.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "rpoguard.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rpoguard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: rpoguard
{{- end -}}

{{/* Of the Pod of `helm test`, which no Service may select. */}}
{{- define "rpoguard.testLabels" -}}
app.kubernetes.io/name: {{ include "rpoguard.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "rpoguard.labels" -}}
{{ include "rpoguard.selectorLabels" . }}
{{ include "rpoguard.otherLabels" . }}
{{- end -}}

{{- define "rpoguard.otherLabels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: rpoguard
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The Pods that run rpoguard. */}}
{{- define "rpoguard.podSelector" -}}
{{- if eq .Values.mode "sidecar" -}}
{{- toYaml .Values.sidecar.podLabels -}}
{{- else -}}
{{- include "rpoguard.selectorLabels" . -}}
{{- end -}}
{{- end -}}

{{- define "rpoguard.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rpoguard.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "rpoguard.image" -}}
{{- $image := .Values.image -}}
{{- if $image.registry }}{{ $image.registry }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end -}}
{{- end -}}

{{- define "rpoguard.configMapName" -}}
{{- default (include "rpoguard.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{/* A changed configuration starts the Pods anew. */}}
{{- define "rpoguard.configAnnotation" -}}
{{- if not .Values.existingConfigMap -}}
checksum/config: {{ .Values.config | sha256sum }}
{{- end -}}
{{- end -}}
