{{- define "exporter.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "exporter.fullname" -}}
{{- $name := include "exporter.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "exporter.namespace" -}}
{{ default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{- define "exporter.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "exporter.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end }}

{{- define "exporter.selectorLabels" -}}
app.kubernetes.io/name: {{ include "exporter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "exporter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "exporter.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: {{ include "exporter.name" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What kube-prometheus-stack looks for on its own kinds. */ -}}
{{- define "exporter.operatorLabels" -}}
{{ include "exporter.labels" . }}
{{- with .Values.releaseLabel }}
release: {{ . }}
{{- end }}
{{- end }}

{{- define "exporter.image" -}}
{{- $registry := .Values.global.imageRegistry | default .Values.image.registry -}}
{{- with $registry }}{{ . }}/{{ end }}{{ .Values.image.repository -}}
{{- if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}

{{- define "exporter.isStateful" -}}
{{- if or (gt (int .Values.shards) 1) .Values.persistence.enabled }}yes{{ end -}}
{{- end }}

{{- define "exporter.config" -}}
{{ merge (dict "state_dir" "/var/lib/iam-key-exporter") .Values.config | toYaml }}
{{- end }}

{{- define "exporter.hasWebConfig" -}}
{{- if or .Values.webConfig .Values.webConfigSecret.name }}yes{{ end -}}
{{- end }}

{{- /* What Prometheus has to speak; a Secret that exists already cannot be looked into. */ -}}
{{- define "exporter.scheme" -}}
{{- $scheme := .Values.serviceMonitor.scheme -}}
{{- if and .Values.webConfig.tls_server_config (eq $scheme "http") -}}
{{- fail "serviceMonitor.scheme is http and webConfig has tls_server_config: no scrape would succeed; leave the scheme empty" -}}
{{- end -}}
{{- if and .Values.webConfigSecret.name (not $scheme) -}}
{{- fail "serviceMonitor.scheme: set http or https, as the configuration in webConfigSecret wants it" -}}
{{- end -}}
{{- $scheme | default (ternary "https" "http" (not (empty .Values.webConfig.tls_server_config))) -}}
{{- end }}

{{- define "exporter.args" -}}
- --config.file=/etc/iam-key-exporter/iam-key-exporter.yml
{{- if not .Values.configReload }}
- --config.auto-reload-interval=0s
{{- end }}
{{- if include "exporter.hasWebConfig" . }}
- --web.config.file=/etc/iam-key-exporter-web/{{ .Values.webConfigSecret.key }}
{{- end }}
{{- if gt (int .Values.shards) 1 }}
- --shard=$(SHARD)
- --total-shards={{ .Values.shards }}
{{- end }}
{{- end }}

{{- /* The kubelet can neither log in nor show a certificate; the binary knows how to ask itself. */ -}}
{{- define "exporter.probe" -}}
{{- $probe := omit .probe "enabled" -}}
{{- if include "exporter.hasWebConfig" .root }}
exec:
  command:
    - /usr/bin/iam-key-exporter
    - --web.config.file=/etc/iam-key-exporter-web/{{ .root.Values.webConfigSecret.key }}
    - healthcheck
    {{- if eq .path "/-/ready" }}
    - --ready
    {{- end }}
{{- else }}
httpGet:
  path: {{ .path }}
  port: metrics
{{- end }}
{{- with $probe }}
{{ toYaml . }}
{{- end }}
{{- end }}
