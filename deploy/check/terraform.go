package check

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// module is a folder of Terraform: what it declares and what it refers to, by address such as var.name or aws_instance.server.
type module struct {
	folder   string
	files    map[string][]byte
	declared map[string]bool
	used     map[string]hcl.Range
	errs     []error
}

// Terraform complains about a module, given as its files by name and the folder that they are for, that is not formatted, that refers to what it does not
// declare, gives another module what that does not ask for, declares a variable that it does not use or explain, or names a setting that the server does not have. What providers
// accept is not asked: their schema is in Terraform's registry only.
func Terraform(folder string, files map[string][]byte, s Settings) error {
	m := module{folder: folder, files: files, declared: map[string]bool{}, used: map[string]hcl.Range{}}
	for name, text := range files {
		if err := s.Text(string(text)); err != nil {
			m.errs = append(m.errs, fmt.Errorf("%s: %w", name, err))
		}
		if !strings.HasSuffix(name, ".tf") {
			continue
		}
		if !bytes.Equal(hclwrite.Format(text), text) {
			m.errs = append(m.errs, fmt.Errorf("%s: is not formatted by terraform fmt", name))
		}
		file, diags := hclparse.NewParser().ParseHCL(text, name)
		if diags.HasErrors() {
			m.errs = append(m.errs, diags)
			continue
		}
		m.read(file.Body.(*hclsyntax.Body))
	}
	for name, at := range m.used {
		if !m.declared[name] {
			m.errs = append(m.errs, fmt.Errorf("%s: %s is not declared", at, name))
		}
	}
	for name := range m.declared {
		if _, ok := m.used[name]; !ok && (strings.HasPrefix(name, "var.") || strings.HasPrefix(name, "data.") || strings.HasPrefix(name, "local.")) {
			m.errs = append(m.errs, fmt.Errorf("%s is not used", name))
		}
	}
	return errors.Join(m.errs...)
}

func (m *module) read(body *hclsyntax.Body) {
	for _, b := range body.Blocks {
		switch b.Type {
		case "variable":
			m.declare(b, "var."+b.Labels[0], "description", "type")
		case "output":
			m.declare(b, "output."+b.Labels[0], "description", "value")
		case "resource":
			m.declare(b, strings.Join(b.Labels, "."))
		case "data":
			m.declare(b, "data."+strings.Join(b.Labels, "."))
		case "module":
			m.declare(b, "module."+b.Labels[0], "source")
			m.call(b)
		case "locals":
			for name := range b.Body.Attributes {
				m.declare(b, "local."+name)
			}
		case "terraform", "provider":
		default:
			m.errs = append(m.errs, fmt.Errorf("%s: there is no block %s", b.TypeRange, b.Type))
		}
		m.refer(b.Body, bound(b.Body))
	}
}

func (m *module) declare(b *hclsyntax.Block, name string, needs ...string) {
	if m.declared[name] {
		m.errs = append(m.errs, fmt.Errorf("%s: %s is declared twice", b.TypeRange, name))
	}
	m.declared[name] = true
	for _, n := range needs {
		if b.Body.Attributes[n] == nil {
			m.errs = append(m.errs, fmt.Errorf("%s: %s has no %s", b.TypeRange, name, n))
		}
	}
}

// call compares what a module beside is given with its variables.
func (m *module) call(b *hclsyntax.Block) {
	var errs []error
	source, _ := b.Body.Attributes["source"].Expr.Value(nil)
	files, err := ReadModule(filepath.Join(m.folder, source.AsString()))
	if err != nil {
		m.errs = append(m.errs, fmt.Errorf("%s: %w", b.TypeRange, err))
		return
	}
	asked := map[string]bool{} // and whether there is a default
	for name, text := range files {
		if file, diags := hclsyntax.ParseConfig(text, name, hcl.InitialPos); strings.HasSuffix(name, ".tf") && !diags.HasErrors() {
			for _, v := range file.Body.(*hclsyntax.Body).Blocks {
				if v.Type == "variable" {
					asked[v.Labels[0]] = v.Body.Attributes["default"] != nil
				}
			}
		}
	}
	for name := range b.Body.Attributes {
		if _, ok := asked[name]; !ok && name != "source" {
			errs = append(errs, fmt.Errorf("%s: %s has no variable %s", b.TypeRange, source.AsString(), name))
		}
	}
	for name, optional := range asked {
		if b.Body.Attributes[name] == nil && !optional {
			errs = append(errs, fmt.Errorf("%s: %s is not given %s", b.TypeRange, source.AsString(), name))
		}
	}
	m.errs = append(m.errs, errs...)
}

// bound are the names of a block's dynamic blocks, which are known within them.
func bound(body *hclsyntax.Body) []string {
	var out []string
	for _, b := range body.Blocks {
		if b.Type == "dynamic" {
			out = append(out, b.Labels[0])
		}
		out = append(out, bound(b.Body)...)
	}
	return out
}

// alone are words that stand for themselves, at the root of an expression or in types, lifecycle and provider requirements.
var alone = []string{"each", "count", "path", "self", "terraform", "string", "number", "bool", "any"}

func (m *module) refer(body *hclsyntax.Body, known []string) {
	for name, a := range body.Attributes {
		if name == "ignore_changes" {
			continue // its names are of the resource's own attributes
		}
		for _, t := range a.Expr.Variables() {
			if root := t.RootName(); !slices.Contains(alone, root) && !slices.Contains(known, root) {
				m.used[address(t)] = t.SourceRange()
			}
		}
		m.templates(a.Expr)
	}
	for _, b := range body.Blocks {
		m.refer(b.Body, known)
	}
}

// address is a traversal up to what is declared: two parts, three for data.
func address(t hcl.Traversal) string {
	n := 2
	if t.RootName() == "data" {
		n = 3
	}
	parts := []string{t.RootName()}
	for _, step := range t[1:min(n, len(t))] {
		if a, ok := step.(hcl.TraverseAttr); ok {
			parts = append(parts, a.Name)
		}
	}
	return strings.Join(parts, ".")
}

// templates compares what a template asks for with what it is given.
func (m *module) templates(e hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(e, func(n hclsyntax.Node) hcl.Diagnostics {
		call, ok := n.(*hclsyntax.FunctionCallExpr)
		if !ok || call.Name != "templatefile" || len(call.Args) != 2 {
			return nil
		}
		given := map[string]bool{}
		if o, ok := call.Args[1].(*hclsyntax.ObjectConsExpr); ok {
			for _, item := range o.Items {
				given[hcl.ExprAsKeyword(item.KeyExpr)] = true
			}
		}
		path, ok := call.Args[0].(*hclsyntax.TemplateExpr)
		if !ok || len(path.Parts) != 2 {
			m.errs = append(m.errs, fmt.Errorf("%s: a template is named otherwise than by ${path.module}", call.Range()))
			return nil
		}
		v, _ := path.Parts[1].Value(nil)
		name := strings.TrimPrefix(v.AsString(), "/")
		template, diags := hclsyntax.ParseTemplate(m.files[name], name, hcl.InitialPos)
		if m.files[name] == nil || diags.HasErrors() {
			m.errs = append(m.errs, fmt.Errorf("%s: template %q: %w", call.Range(), name, diags))
			return nil
		}
		for _, t := range template.Variables() {
			if !given[t.RootName()] {
				m.errs = append(m.errs, fmt.Errorf("%s: is not given %s", name, t.RootName()))
			}
		}
		return nil
	})
}

// ReadModule reads the files of a folder of deploy/terraform.
func ReadModule(folder string) (map[string][]byte, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, e := range entries {
		if e.Type().IsRegular() {
			if out[e.Name()], err = os.ReadFile(filepath.Join(folder, e.Name())); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}
