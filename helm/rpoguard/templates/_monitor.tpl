{{/* One endpoint of ServiceMonitor or PodMonitor: (dict "port" ... "values" ... "root" $). */}}
{{- define "rpoguard.endpoint" -}}
port: {{ .port }}
path: /metrics
{{- if .root.Values.webConfig.ops }}
scheme: {{ .root.Values.webConfig.scheme }}
{{- with .values.tlsConfig }}
tlsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.basicAuth }}
basicAuth:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
interval: {{ .values.interval | quote }}
scrapeTimeout: {{ .values.scrapeTimeout | quote }}
relabelings:
  - {targetLabel: job, replacement: rpoguard}
  {{- with .values.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .values.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
