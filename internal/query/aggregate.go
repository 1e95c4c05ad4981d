package query

import "math"

// needsProperty tells whether an aggregate measures a property.
func needsProperty(aggregate string) bool {
	switch aggregate {
	case AggSum, AggAvg, AggMin, AggMax, AggDistinct:
		return true
	}
	return percentile(aggregate) != 0
}

// percentile is the share of the values below a percentile aggregate, 0 for others.
func percentile(aggregate string) float64 {
	switch aggregate {
	case AggMedian:
		return 0.5
	case AggP75:
		return 0.75
	case AggP90:
		return 0.9
	case AggP95:
		return 0.95
	case AggP99:
		return 0.99
	}
	return 0
}

// isActive tells whether an aggregate counts active people.
func isActive(aggregate string) bool {
	switch aggregate {
	case AggDAU, AggWAU, AggMAU:
		return true
	}
	return false
}

// finite is a number that JSON can hold, or nil.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
