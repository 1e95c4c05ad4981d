package query

import (
	"errors"
	"fmt"
	"strconv"
)

const (
	maxFormulaBytes = 1 << 10
	maxFormulaDepth = 50
)

// formula is a parsed expression. A leaf has a number or the id of a series, others an operator.
type formula struct {
	op          byte
	left, right *formula
	series      string
	number      float64
}

// eval computes the formula; nil stands for no number.
func (f *formula) eval(series func(id string) *float64) *float64 {
	if f.op == 0 {
		if f.series != "" {
			return series(f.series)
		}
		return &f.number
	}
	a, b := f.left.eval(series), f.right.eval(series)
	if a == nil || b == nil {
		return nil
	}
	var out float64
	switch f.op {
	case '+':
		out = *a + *b
	case '-':
		out = *a - *b
	case '*':
		out = *a * *b
	default:
		if *b == 0 {
			return nil
		}
		out = *a / *b
	}
	return finite(out)
}

// ids calls yield with each series that the formula uses.
func (f *formula) ids(yield func(id string)) {
	if f.op != 0 {
		f.left.ids(yield)
		f.right.ids(yield)
	} else if f.series != "" {
		yield(f.series)
	}
}

// parseFormula reads an expression of numbers, ids, + - * / and parentheses.
func parseFormula(s string) (*formula, error) {
	if len(s) > maxFormulaBytes {
		return nil, fmt.Errorf("the formula has %d bytes, it may have %d", len(s), maxFormulaBytes)
	}
	p := &formulaParser{s: s}
	f, err := p.sum()
	if err == nil && p.peek() != 0 {
		err = p.unexpected()
	}
	return f, err
}

type formulaParser struct {
	s     string
	at    int
	depth int
}

// peek skips blanks and returns the next byte, 0 at the end.
func (p *formulaParser) peek() byte {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\t' || p.s[p.at] == '\n' || p.s[p.at] == '\r') {
		p.at++
	}
	if p.at == len(p.s) {
		return 0
	}
	return p.s[p.at]
}

func (p *formulaParser) unexpected() error {
	if p.at >= len(p.s) {
		return errors.New("the formula ends too early")
	}
	return fmt.Errorf("%q at byte %d does not belong there", p.s[p.at], p.at+1)
}

func (p *formulaParser) sum() (*formula, error) { return p.chain("+-", p.product) }

func (p *formulaParser) product() (*formula, error) { return p.chain("*/", p.factor) }

// chain reads operands with operators of equal rank between them, from left to right.
func (p *formulaParser) chain(operators string, operand func() (*formula, error)) (*formula, error) {
	f, err := operand()
	for err == nil {
		c := p.peek()
		if c != operators[0] && c != operators[1] {
			return f, nil
		}
		p.at++
		next := &formula{op: c, left: f}
		next.right, err = operand()
		f = next
	}
	return nil, err
}

func (p *formulaParser) factor() (*formula, error) {
	if p.depth++; p.depth > maxFormulaDepth {
		return nil, fmt.Errorf("parentheses and signs may be nested %d deep", maxFormulaDepth)
	}
	defer func() { p.depth-- }()
	switch c := p.peek(); {
	case c == '-':
		p.at++
		f, err := p.factor()
		return &formula{op: '-', left: &formula{}, right: f}, err
	case c == '(':
		p.at++
		f, err := p.sum()
		if err == nil && p.peek() != ')' {
			err = p.unexpected()
		}
		p.at++
		return f, err
	case c >= 'A' && c <= 'Z':
		start := p.at
		p.at++
		p.digits()
		return &formula{series: p.s[start:p.at]}, nil
	case c >= '0' && c <= '9' || c == '.':
		return p.literal()
	}
	return nil, p.unexpected()
}

func (p *formulaParser) digits() {
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		p.at++
	}
}

func (p *formulaParser) literal() (*formula, error) {
	start := p.at
	p.digits()
	if p.at < len(p.s) && p.s[p.at] == '.' {
		p.at++
		p.digits()
	}
	n, err := strconv.ParseFloat(p.s[start:p.at], 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no number", p.s[start:p.at])
	}
	return &formula{number: n}, nil
}
