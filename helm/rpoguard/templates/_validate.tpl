{{/* Values that the schema cannot judge. Each message says what to do. */}}
{{- define "rpoguard.validate" -}}
{{- $v := .Values -}}
{{- if and (not $v.config) (not $v.existingConfigMap) -}}
{{- fail "rpoguard: set config (--set-file config=rpoguard.yml) or existingConfigMap" -}}
{{- end -}}
{{- if and $v.config $v.existingConfigMap -}}
{{- fail "rpoguard: config and existingConfigMap exclude each other" -}}
{{- end -}}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled -}}
{{- fail "rpoguard: serviceMonitor and podMonitor would scrape everything twice; enable one" -}}
{{- end -}}
{{- if and (eq $v.mode "deployment") (gt (int $v.replicaCount) 1) $v.persistence.enabled -}}
{{- fail "rpoguard: one volume serves one replica; use mode fleet, or persistence.enabled=false" -}}
{{- end -}}
{{- if and (ne $v.mode "deployment") $v.persistence.existingClaim -}}
{{- fail "rpoguard: persistence.existingClaim belongs to mode deployment; in a fleet each replica has its own" -}}
{{- end -}}
{{- if and (eq $v.mode "fleet") (semverCompare "<1.28.0-0" .Capabilities.KubeVersion.Version) -}}
{{- fail "rpoguard: mode fleet needs Kubernetes 1.28, which tells a Pod its index" -}}
{{- end -}}
{{- if and (or $v.serviceMonitor.tlsConfig $v.serviceMonitor.basicAuth $v.podMonitor.tlsConfig $v.podMonitor.basicAuth) (not $v.webConfig.ops) -}}
{{- fail "rpoguard: tlsConfig and basicAuth of a monitor belong to webConfig.ops" -}}
{{- end -}}
{{- if eq $v.mode "sidecar" -}}
{{- include "rpoguard.validateSidecar" . -}}
{{- end -}}
{{- include "rpoguard.validateConfig" . -}}
{{- end -}}

{{- define "rpoguard.validateSidecar" -}}
{{- $v := .Values -}}
{{- if semverCompare "<1.29.0-0" .Capabilities.KubeVersion.Version -}}
{{- fail "rpoguard: mode sidecar needs Kubernetes 1.29; before, a Pod with a sidecar would never start" -}}
{{- end -}}
{{- if $v.networkPolicy.enabled -}}
{{- fail "rpoguard: a NetworkPolicy for a sidecar would bind your whole Pod; write your own" -}}
{{- end -}}
{{- if $v.serviceMonitor.enabled -}}
{{- fail "rpoguard: sidecars are scraped by podMonitor" -}}
{{- end -}}
{{- if and $v.podMonitor.enabled (not $v.sidecar.podLabels) -}}
{{- fail "rpoguard: podMonitor needs sidecar.podLabels to find your Pods" -}}
{{- end -}}
{{- end -}}

{{/* What the Pod relies on. All else is judged by rpoguard itself. */}}
{{- define "rpoguard.validateConfig" -}}
{{- $config := fromYaml .Values.config -}}
{{- if hasKey $config "Error" -}}
{{- fail (printf "rpoguard: config is not YAML: %s" $config.Error) -}}
{{- end -}}
{{- $listen := default dict $config.listen -}}
{{- if not (hasSuffix ":10187" (default ":10187" $listen.ops)) -}}
{{- fail "rpoguard: listen.ops in config must keep port 10187, which probes and Service use" -}}
{{- end -}}
{{- if not (hasSuffix ":10188" (default ":10188" $listen.gate)) -}}
{{- fail "rpoguard: listen.gate in config must keep port 10188, which the Service uses" -}}
{{- end -}}
{{- if and .Values.webConfig.ops .Values.config (not (hasSuffix ":10189" (default "" $listen.health))) -}}
{{- fail "rpoguard: with webConfig.ops set listen.health in config to 0.0.0.0:10189: probes have no certificate and no password" -}}
{{- end -}}
{{- if ne "/var/lib/rpoguard" (default "/var/lib/rpoguard" $config.state_dir) -}}
{{- fail "rpoguard: leave state_dir out of config: the volume is mounted at its default" -}}
{{- end -}}
{{- end -}}
