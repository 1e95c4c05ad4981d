package bench

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// Chart is a picture of numbers over another: lines when Bars is false, else a bar for each name in Names.
type Chart struct {
	Title string
	// X says what is along the bottom, Y what goes up.
	X, Y string
	// Names are those of the places along the bottom, when they are no numbers.
	Names  []string
	Series []Series
}

// Series is one line, or the bars of one colour; X is not used with names.
type Series struct {
	Name string
	X, Y []float64
}

const (
	chartWidth, chartHeight = 720, 320
	chartLeft, chartTop     = 70, 50
	chartRight, chartBottom = 20, 50
)

var chartColours = [...]string{"#1d4ed8", "#dc2626", "#059669", "#94a3b8"}

// SVG draws the picture.
func (c Chart) SVG() string {
	var b strings.Builder
	mostX, mostY := float64(max(len(c.Names), 1)), 0.0
	if len(c.Names) == 0 {
		mostX = 0
	}
	for _, s := range c.Series {
		for _, x := range s.X {
			mostX = max(mostX, x)
		}
		for _, y := range s.Y {
			mostY = max(mostY, y)
		}
	}
	mostX, mostY = max(mostX, 1e-9), roundUp(mostY)
	x := func(v float64) float64 { return chartLeft + v/mostX*(chartWidth-chartLeft-chartRight) }
	y := func(v float64) float64 { return chartHeight - chartBottom - v/mostY*(chartHeight-chartTop-chartBottom) }
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="#fff"/><text x="20" y="20" font-size="14">%s</text>`+"\n", chartWidth, chartHeight, html.EscapeString(c.Title))
	for i := range 5 {
		v := mostY * float64(i) / 4
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#e2e8f0"/><text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n",
			chartLeft, chartWidth-chartRight, y(v), y(v), chartLeft-6, y(v)+4, number(v))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text><text x="20" y="%d">%s</text>`+"\n",
		chartWidth-chartRight, chartHeight-10, html.EscapeString(c.X), chartTop-12, html.EscapeString(c.Y))
	if len(c.Names) > 0 {
		c.bars(&b, x, y)
	} else {
		c.lines(&b, x, y, mostX)
	}
	for i, s := range c.Series {
		at := 220 + i*160
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="10" height="10" fill="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			at, chartTop-21, chartColours[i%len(chartColours)], at+14, chartTop-12, html.EscapeString(s.Name))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func (c Chart) bars(b *strings.Builder, x, y func(float64) float64) {
	for i, name := range c.Names {
		width := (x(1) - x(0)) * 0.8 / float64(len(c.Series))
		for j, s := range c.Series {
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n",
				x(float64(i)+0.1)+float64(j)*width, y(s.Y[i]), width-1, y(0)-y(s.Y[i]), chartColours[j%len(chartColours)])
		}
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(float64(i)+0.5), chartHeight-chartBottom+16, html.EscapeString(name))
	}
}

func (c Chart) lines(b *strings.Builder, x, y func(float64) float64, most float64) {
	for i := range 7 {
		v := most * float64(i) / 6
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x(v), chartHeight-chartBottom+16, number(math.Round(v)))
	}
	for i, s := range c.Series {
		points := make([]string, len(s.X))
		for j := range s.X {
			points[j] = fmt.Sprintf("%.1f,%.1f", x(s.X[j]), y(s.Y[j]))
		}
		fmt.Fprintf(b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="%s"/>`+"\n", chartColours[i%len(chartColours)], strings.Join(points, " "))
	}
}

// number is short.
func number(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%gk", math.Round(v/100)/10)
	}
	return fmt.Sprintf("%g", math.Round(v*100)/100)
}

// roundUp is the next number that divides well into four.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, f := range []float64{1, 1.2, 1.6, 2, 2.4, 3, 4, 5, 6, 8} {
		if v <= f*unit {
			return f * unit
		}
	}
	return 10 * unit
}
