{{- define "ninewatch.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ninewatch.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ninewatch.labels" -}}
{{ include "ninewatch.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: monitor
app.kubernetes.io/part-of: ninewatch
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "ninewatch.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "ninewatch.configMap" -}}
{{ .Values.existingConfigMap | default (include "ninewatch.fullname" .) }}
{{- end -}}

{{- define "ninewatch.claim" -}}
{{ .Values.persistence.existingClaim | default (include "ninewatch.fullname" .) }}
{{- end -}}

{{/* The public URL of the pages, without a trailing slash. */}}
{{- define "ninewatch.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{- .Values.publicUrl -}}
{{- else if and .Values.route.enabled .Values.route.host -}}
https://{{ .Values.route.host }}
{{- else if .Values.ingress.enabled -}}
http{{ if .Values.ingress.tlsSecret }}s{{ end }}://{{ .Values.ingress.host }}
{{- else -}}
http://{{ include "ninewatch.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
{{- end -}}
{{- end -}}

{{/* Fail unless the values specify who may read the pages. */}}
{{- define "ninewatch.access" -}}
{{- $open := or .Values.route.enabled .Values.ingress.enabled (ne .Values.service.type "ClusterIP") -}}
{{- if and $open (not .Values.access) -}}
{{- fail "access is not set. Without a login, a Route, an Ingress, a NodePort or a LoadBalancer shows every page, the addresses of internal targets and the reasons of failures to everyone who can reach it. Write access: login with config.login, access: public to accept that, or access: proxy with a login proxy in front (see the chart's README, Access), or publish nothing: route.enabled=false, ingress.enabled=false, service.type=ClusterIP" -}}
{{- end -}}
{{- if and (eq .Values.access "login") (not (or .Values.config.login .Values.existingConfigMap)) -}}
{{- fail "access: login needs the sign-in: set config.login, for example config.login.oidc (docs/access.md)" -}}
{{- end -}}
{{- if eq .Values.access "proxy" -}}
{{- if not (and .Values.accessProxy.service .Values.accessProxy.podLabels) -}}
{{- fail "access: proxy needs the proxy: set accessProxy.service to its Service and accessProxy.podLabels to the labels of its pods" -}}
{{- end -}}
{{- if ne .Values.service.type "ClusterIP" -}}
{{- fail "access: proxy and a service.type other than ClusterIP: the pages would be reached past the proxy; use service.type=ClusterIP" -}}
{{- end -}}
{{- if not .Values.networkPolicy.enabled -}}
{{- fail "access: proxy without networkPolicy.enabled: other pods would reach the pages past the proxy; use networkPolicy.enabled=true" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Fail unless the values fit the role. */}}
{{- define "ninewatch.role" -}}
{{- if and (ne .Values.role "alone") .Values.existingConfigMap -}}
{{- fail "role and existingConfigMap are both set: write the role into your ConfigMap (docs/vantage.md), and leave role: alone" -}}
{{- end -}}
{{- if and (eq .Values.role "vantage") (not (and .Values.centre.urls .Values.centre.tokenSecret.name)) -}}
{{- fail "role: vantage needs its centre: set centre.urls, and centre.tokenSecret.name to the Secret with the vantage's token" -}}
{{- end -}}
{{- if and (eq .Values.role "centre") (not .Values.config.vantages) -}}
{{- fail "role: centre needs its vantages: set config.vantages, for example [{id: east}]" -}}
{{- end -}}
{{- end -}}

{{/* The Service that Route and Ingress lead to, and its port. */}}
{{- define "ninewatch.front" -}}
{{- if eq .Values.access "proxy" -}}{{ .Values.accessProxy.service }}{{- else -}}{{ include "ninewatch.fullname" . }}{{- end -}}
{{- end -}}
{{- define "ninewatch.frontPort" -}}
{{- if eq .Values.access "proxy" -}}{{ .Values.accessProxy.port }}{{- else -}}http{{- end -}}
{{- end -}}
