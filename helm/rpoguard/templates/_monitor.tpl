{{/* One endpoint of ServiceMonitor or PodMonitor: (dict "port" ... "values" ...). */}}
{{- define "rpoguard.endpoint" -}}
port: {{ .port }}
path: /metrics
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
