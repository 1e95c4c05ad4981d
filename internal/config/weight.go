package config

import (
	"strconv"
	"strings"
)

// Shares is Limits.Weights by project; entries that Validate refuses are left out.
func (l *Limits) Shares() map[uint32]float64 {
	out := map[uint32]float64{}
	for _, s := range l.Weights {
		if project, weight, err := parseWeight(s); err == nil {
			out[project] = weight
		}
	}
	return out
}

func parseWeight(s string) (project uint32, weight float64, err error) {
	id, text, _ := strings.Cut(s, "=")
	n, err := strconv.ParseUint(strings.TrimSpace(id), 10, 32)
	if err != nil {
		return 0, 0, err
	}
	weight, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err == nil && !(weight >= 0.01 && weight <= 100) {
		err = strconv.ErrRange
	}
	return uint32(n), weight, err
}
