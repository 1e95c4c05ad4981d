package check

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	promql "github.com/prometheus/prometheus/promql/parser"
)

// Metrics are the server's: by name, the labels that docs/operations.md gives them. Those of the code alone are not in it.
type Metrics map[string][]string

// foreign are metrics of Prometheus itself and of Kubernetes, which no file of this repository could prove.
var foreign = map[string]bool{
	"up": true, "kubelet_volume_stats_available_bytes": true, "kubelet_volume_stats_capacity_bytes": true,
}

// scraped are the labels that Prometheus and its operator add.
var scraped = map[string]bool{
	"le": true, "job": true, "instance": true, "namespace": true, "pod": true, "service": true, "container": true,
	"rollouts_pod_template_hash": true, "role": true, "persistentvolumeclaim": true, model.MetricNameLabel: true,
}

var documented = regexp.MustCompile("`([a-z0-9_]+)(?:\\{([a-z_,]+)\\})?`")

// ReadMetrics reads the table of docs/operations.md and complains about what the code does not have.
func ReadMetrics() (Metrics, error) {
	text, err := os.ReadFile(filepath.Join(Root, "docs/operations.md"))
	if err != nil {
		return nil, err
	}
	_, table, _ := strings.Cut(string(text), "\n## Metrics\n")
	table, _, _ = strings.Cut(table, "\n## ")
	written, err := readCode(filepath.Join(Root, "internal"))
	if err != nil {
		return nil, err
	}
	out := Metrics{}
	var errs []error
	for line := range strings.Lines(table) {
		cell, _, _ := strings.Cut(strings.TrimPrefix(line, "|"), "|")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, m := range documented.FindAllStringSubmatch(cell, -1) {
			name := "freshet_" + m[1]
			if !written.has(name) {
				errs = append(errs, fmt.Errorf("docs/operations.md has %s, the code does not", name))
			}
			out[name] = nil
			if m[2] != "" {
				out[name] = strings.Split(m[2], ",")
			}
		}
	}
	if len(out) < 50 {
		errs = append(errs, fmt.Errorf("docs/operations.md: found %d metrics, which are too few: has its form changed?", len(out)))
	}
	return out, errors.Join(errs...)
}

// code is what is written between quotes in the code, by package, and where names of metrics are put together from parts.
type code struct {
	words map[string]map[string]bool
	// parts are sums such as "freshet_log_" + name + "_total": "" stands for what is no text.
	parts map[string][][]string
}

// has tells whether the code can make a metric's name. The last of what is filled in comes from the same package, what is before it
// may be another's.
func (c code) has(metric string) bool {
	for pkg, sums := range c.parts {
		if c.words[pkg][metric] {
			return true
		}
		for _, sum := range sums {
			if c.makes(pkg, sum, metric) {
				return true
			}
		}
	}
	return false
}

func (c code) makes(pkg string, sum []string, metric string) bool {
	pattern := make([]string, len(sum))
	for i, p := range sum {
		if pattern[i] = regexp.QuoteMeta(p); p == "" {
			pattern[i] = "([a-z0-9_]+?)"
		}
	}
	m := regexp.MustCompile("^" + strings.Join(pattern, "") + "$").FindStringSubmatch(metric)
	for i := 1; i < len(m); i++ {
		here := c.words[pkg][m[i]]
		if i < len(m)-1 {
			for _, words := range c.words {
				here = here || words[m[i]]
			}
		}
		if !here {
			return false
		}
	}
	return m != nil
}

func readCode(root string) (code, error) {
	out := code{map[string]map[string]bool{}, map[string][][]string{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		pkg := filepath.Dir(path)
		if out.words[pkg] == nil {
			out.words[pkg], out.parts[pkg] = map[string]bool{}, nil
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				out.words[pkg][literal(n)] = true
			case *ast.BinaryExpr:
				if sum := parts(n); strings.HasPrefix(sum[0], "freshet_") {
					out.parts[pkg] = append(out.parts[pkg], sum)
				}
			}
			return true
		})
		return nil
	})
	return out, err
}

func parts(e ast.Expr) []string {
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		return append(parts(sum.X), parts(sum.Y)...)
	}
	return []string{literal(e)}
}

// literal is the text of a string, "" for everything else.
func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return s
}

// Query complains about an expression of Prometheus that is none, or asks for a metric or a label that there is not.
func (m Metrics) Query(text string) error {
	expr, err := promql.NewParser(promql.Options{}).ParseExpr(text)
	if err != nil {
		return fmt.Errorf("%s: %w", text, err)
	}
	var errs []error
	found := 0
	promql.Inspect(expr, func(n promql.Node, _ []promql.Node) error {
		if v, ok := n.(*promql.VectorSelector); ok {
			found++
			errs = append(errs, m.selector(v))
		}
		return nil
	})
	if found == 0 {
		errs = append(errs, fmt.Errorf("%s: asks for no metric", text))
	}
	return errors.Join(errs...)
}

func (m Metrics) selector(v *promql.VectorSelector) error {
	if foreign[v.Name] {
		return nil
	}
	name := v.Name
	if _, ok := m[name]; !ok {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
	}
	known, ok := m[name]
	if !ok {
		return fmt.Errorf("%s is no metric of docs/operations.md", v.Name)
	}
	has := map[string]bool{}
	for _, l := range known {
		has[l] = true
	}
	for _, l := range v.LabelMatchers {
		if !scraped[l.Name] && !has[l.Name] {
			return fmt.Errorf("%s has no label %s in docs/operations.md", v.Name, l.Name)
		}
	}
	return nil
}
