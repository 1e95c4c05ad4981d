package query_test

import (
	"math"
	"strings"
	"testing"

	"github.com/freshet/freshet/internal/query"
)

func TestFormula(t *testing.T) {
	numbers := map[string]float64{"A": 6, "B": 4, "A2": 0.5, "Z": 0}
	for _, c := range []struct {
		expression string
		// want is NaN for no number.
		want float64
	}{
		{"A", 6},
		{"A + B * 2", 14},
		{"(A + B) * 2", 20},
		{"A - B - 1", 1},
		{"A / B / 2", 0.75},
		{" A\t/\nB*100 ", 150},
		{"-A + B", -2},
		{"--A", 6},
		{"A * -A2", -3},
		{"1.5 + .5", 2},
		{"A / Z", math.NaN()},
		{"A / (B - 4)", math.NaN()},
		{"M + 1", math.NaN()},
		{"0 * M", math.NaN()},
		{"A / 0.0", math.NaN()},
	} {
		f, err := query.ParseFormula(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		got := f.Eval(func(id string) *float64 {
			if n, ok := numbers[id]; ok {
				return &n
			}
			return nil
		})
		if (got == nil) != math.IsNaN(c.want) || got != nil && *got != c.want {
			t.Errorf("%s is %v, want %v", c.expression, got, c.want)
		}
	}
}

func TestFormulaRefuses(t *testing.T) {
	for _, s := range []string{
		"", " ", "A B", "A +", "+ A", "(A", "A)", "()", "a", "A % B", "1..2", ".", "1e5", "A;", "é",
		strings.Repeat("(", 60) + "A" + strings.Repeat(")", 60), strings.Repeat("-", 60) + "A", strings.Repeat("A+", 600) + "A",
	} {
		if _, err := query.ParseFormula(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{"A / B * 100", "-(A+1.5)*B2", "((A))", "A/", "1.2.3", "(((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		parsed, err := query.ParseFormula(s)
		if err != nil {
			return
		}
		two := 2.0
		got := parsed.Eval(func(string) *float64 { return &two })
		if got != nil && (math.IsNaN(*got) || math.IsInf(*got, 0)) {
			t.Fatalf("%q is %v", s, *got)
		}
		parsed.IDs(func(id string) {
			if !strings.Contains(s, id) {
				t.Fatalf("%q does not hold %s", s, id)
			}
		})
	})
}
