package check

import (
	"errors"
	"strings"
	"testing"
)

// image is what every installation has to give.
const image = "image: {repository: registry.example.com/freshet, tag: v1.0.0}\n"

// installations are values that together use every option of the chart.
var installations = map[string]string{
	"as it comes": image,
	"everything else": `
image: {repository: registry.example.com/freshet, digest: "sha256:` + strings.Repeat("0", 64) + `", pullSecrets: [{name: registry}]}
fullnameOverride: analytics
config:
  require_data: true
  public_url: https://events.example.com
  trusted_proxies: [10.0.0.0/8]
  archive: {bucket: "s3://events/freshet?region=eu-central-1", interval: 5m}
  log: {keep: 48h}
existingSecret: freshet-secrets
extraEnv: [{name: FRESHET_LOG_LEVEL, value: debug}, {name: GOGC, value: "50"}]
drainSeconds: 30
persistence: {storageClass: fast, size: 200Gi, existingClaim: old}
service: {type: LoadBalancer, port: 8080, annotations: {a: b}}
ingress: {enabled: true, className: nginx, tlsSecret: events-tls, annotations: {a: b}}
networkPolicy:
  enabled: true
  from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress}}}]
  egress: [{ports: [{port: 443}]}]
metrics:
  serviceMonitor: {enabled: true, labels: {release: prometheus}}
  rules: {enabled: true, labels: {release: prometheus}}
serviceAccount: {annotations: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/freshet"}}
podAnnotations: {a: b}
podLabels: {team: apps}
nodeSelector: {disk: ssd}
tolerations: [{key: only, operator: Exists}]
affinity: {nodeAffinity: {}}
priorityClassName: high
`,
	"cluster": image + cluster,
	"cluster with addresses in its file": image + `
mode: cluster
existingSecret: freshet-secrets
persistence: {existingClaim: old}
process: {replicas: 1}
config:
  log: {address: "kafkas://k1.example.com:9093/freshet"}
  store: {address: "clickhouses://freshet@ch.example.com:9440/freshet"}
  project: postgres://freshet@db.example.com:5432/freshet?sslmode=verify-full
  cache: {address: "rediss://redis.example.com:6379/0"}
  archive: {bucket: "s3://events/freshet?region=eu-central-1"}
`,
	"cluster with everything": image + cluster + `
ingest: {replicas: 3, preStopSeconds: 20, autoscaling: {enabled: true, max: 20}}
query: {replicas: 3, preStopSeconds: 20, autoscaling: {enabled: true, max: 20}}
ingress: {enabled: true, tlsSecret: tls, host: a.example.com, eventsHost: e.example.com}
networkPolicy: {enabled: true}
metrics: {serviceMonitor: {enabled: true}, rules: {enabled: true}}
`,
	"cluster of lanes":      image + strings.Replace(cluster, "require_data: true", "lanes: 3", 1) + "process: {replicas: 4}",
	"cluster with a canary": image + cluster + canary,
	"cluster with a canary and an autoscaler": image + cluster + canary + `
ingest: {autoscaling: {enabled: true}}
query: {autoscaling: {enabled: true}}
ingress: {enabled: true}
`,
}

// cluster is what an installation in parts has to give, canary what one with a canary has.
const (
	cluster = "mode: cluster\nexistingSecret: freshet-secrets\nconfig: {require_data: true}\n"
	canary  = "canary: {enabled: true}\nmetrics: {serviceMonitor: {enabled: true}, rules: {enabled: true}}\n"
)

func TestChart(t *testing.T) {
	known, metrics := names(t)
	for name, values := range installations {
		t.Run(name, func(t *testing.T) {
			rendered, err := Render(values)
			if err != nil {
				t.Fatal(err)
			}
			for source, text := range rendered {
				if strings.HasSuffix(source, "NOTES.txt") && (strings.TrimSpace(text) == "" || strings.Contains(text, "%!")) {
					t.Errorf("notes: %q", text)
				}
			}
			objects, err := Decode(rendered)
			if err != nil {
				t.Fatal(err)
			}
			if err := all(objects, known, metrics); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChartRefuses(t *testing.T) {
	for name, values := range map[string]string{
		"no image":                        "{}",
		"no tag":                          "image: {repository: a}",
		"a value that is unknown":         image + "replicas: 3",
		"a key of the pod":                image + "config: {data: /elsewhere}",
		"a password in the file":          image + "config: {project: 'postgres://freshet:secret@db/freshet'}",
		"a password of the store":         image + "config: {store: {address: 'clickhouse://freshet:secret@ch:9000/freshet'}}",
		"a password of the log":           image + "config: {log: {address: 'kafka://freshet:secret@kafka:9092/freshet'}}",
		"a folder by environment":         image + "extraEnv: [{name: FRESHET_DATA, value: /tmp}]",
		"no limit of memory":              image + "resources: {requests: {cpu: 1}, limits: {memory: null}}",
		"a cluster with nothing to share": image + "mode: cluster",
		"a canary of one pod":             image + canary,
		"a canary that nobody watches":    image + cluster + "canary: {enabled: true}",
		"one that answers alone":          image + cluster + "query: {replicas: 1}",
		"two that store on one volume":    image + cluster + "persistence: {existingClaim: old}",
		"three that store events":         image + cluster + "process: {replicas: 3}",
		"more that store than lanes":      image + strings.Replace(cluster, "require_data: true", "lanes: 3", 1) + "process: {replicas: 5}",
		"a limit of nothing":              image + cluster + strings.Replace(canary, "enabled: true}", "enabled: true, limits: {query: {freshness: 1}}}", 1),
		"roles by hand":                   image + "config: {roles: [query]}",
		"no time to write":                image + "flushSeconds: 5",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Render(values); err == nil {
				t.Error("was rendered")
			}
		})
	}
}

// all are the checks of a rendered chart.
func all(objects []Object, s Settings, m Metrics) error {
	return errors.Join(Pods(objects, s), Relations(objects), Parts(objects, s), Guards(objects, m), Rules(objects, m))
}

func names(t *testing.T) (Settings, Metrics) {
	t.Helper()
	s, err := ReadSettings()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	return s, m
}
