package check

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/prometheus/common/model"
)

// runbook is where every alert says what to do.
const runbook = "https://github.com/freshet/freshet/blob/main/docs/operations.md#"

// Rules complains about alerts that ask for what there is not, page nobody in particular or lead to no instruction, and about
// those of which the table in docs/operations.md says something else.
func Rules(objects []Object, m Metrics) error {
	text, err := os.ReadFile(filepath.Join(Root, "docs/operations.md"))
	if err != nil {
		return err
	}
	table, anchors := alertTable(string(text)), headings(string(text))
	var errs []error
	for _, o := range objects {
		rule, ok := o.Value.(*monitoring.PrometheusRule)
		if !ok {
			continue
		}
		for _, g := range rule.Spec.Groups {
			for _, r := range g.Rules {
				if err := alert(r, m, table, anchors); err != nil {
					errs = append(errs, fmt.Errorf("%s: alert %q: %w", o, r.Alert, err))
				}
				delete(table, r.Alert)
			}
		}
		for name := range table {
			errs = append(errs, fmt.Errorf("docs/operations.md has the alert %s, %s does not", name, o))
		}
	}
	return errors.Join(errs...)
}

func alert(r monitoring.Rule, m Metrics, table map[string]string, anchors map[string]bool) error {
	errs := []error{m.Query(r.Expr.String())}
	if r.For != nil {
		if _, err := model.ParseDuration(string(*r.For)); err != nil {
			errs = append(errs, err)
		}
	}
	severity := r.Labels["severity"]
	if severity != "page" && severity != "ticket" {
		errs = append(errs, fmt.Errorf("severity is %q, neither page nor ticket", severity))
	}
	if r.Annotations["summary"] == "" {
		errs = append(errs, errors.New("has no summary"))
	}
	if anchor, ok := strings.CutPrefix(r.Annotations["runbook_url"], runbook); !ok || !anchors[anchor] {
		errs = append(errs, fmt.Errorf("docs/operations.md has no heading for runbook_url %q", r.Annotations["runbook_url"]))
	}
	if table[r.Alert] != severity {
		errs = append(errs, fmt.Errorf("docs/operations.md says severity %q, the rule %q", table[r.Alert], severity))
	}
	return errors.Join(errs...)
}

var alertRow = regexp.MustCompile("(?m)^\\| `(Freshet[A-Za-z]+)` \\| ([a-z]+) \\|")

func alertTable(text string) map[string]string {
	out := map[string]string{}
	for _, m := range alertRow.FindAllStringSubmatch(text, -1) {
		out[m[1]] = m[2]
	}
	return out
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9 -]`)

// headings are the anchors that GitHub makes of a page's headings.
func headings(text string) map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && strings.HasPrefix(line, "#") {
			title = notInAnchor.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			out[strings.ReplaceAll(title, " ", "-")] = true
		}
	}
	return out
}
