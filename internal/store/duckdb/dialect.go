package duckdb

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// Dialect is DuckDB's SQL.
type Dialect struct{}

var _ store.Dialect = Dialect{}

// Dialect implements store.Cut.
func (c *cut) Dialect() store.Dialect { return Dialect{} }

// Parameter implements store.Values. With its type beside it DuckDB need not guess one.
func (Dialect) Parameter(n int, v any) string {
	place := "$" + strconv.Itoa(n)
	switch v.(type) {
	case string:
		place += "::VARCHAR"
	case float64:
		place += "::DOUBLE"
	case bool:
		place += "::BOOLEAN"
	case []string:
		place += "::VARCHAR[]"
	case []float64:
		place += "::DOUBLE[]"
	}
	return place
}

// Among implements store.Values.
func (Dialect) Among(x, list string) string { return x + " IN (SELECT unnest(" + list + "))" }

// Numbered implements store.Values.
func (Dialect) Numbered(list string, length int, place, name string) string {
	return fmt.Sprintf("(SELECT unnest(range(1, %d)) AS %s, unnest(%s) AS %s)", length+1, place, list, name)
}

// Place implements store.Values.
func (Dialect) Place(list, x string) string {
	return "nullif(list_position(" + list + ", " + x + "), 0)"
}

// Cast implements store.Values.
func (Dialect) Cast(x string, t store.Type) string { return "CAST(" + x + " AS " + sqlType(t) + ")" }

// Unsigned implements store.Values.
func (Dialect) Unsigned(x string, bits int) string {
	switch {
	case bits <= 8:
		return "CAST(" + x + " AS UTINYINT)"
	case bits <= 16:
		return "CAST(" + x + " AS USMALLINT)"
	case bits <= 32:
		return "CAST(" + x + " AS UINTEGER)"
	}
	return "CAST(" + x + " AS UBIGINT)"
}

// Wide implements store.Values.
func (Dialect) Wide(x string) string { return "CAST(" + x + " AS HUGEINT)" }

// Quotient implements store.Values.
func (Dialect) Quotient(x string, by int64) string { return x + " // " + strconv.FormatInt(by, 10) }

// NumberText implements store.Values.
func (Dialect) NumberText(x string) string { return "CAST(" + x + " AS VARCHAR)" }

// Hash implements store.Values.
func (Dialect) Hash(values ...string) string { return "hash(" + strings.Join(values, ", ") + ")" }

// Moment implements store.Times.
func (Dialect) Moment(us int64) string { return "make_timestamp(" + strconv.FormatInt(us, 10) + ")" }

// Micros implements store.Times.
func (Dialect) Micros(time string) string { return "epoch_us(" + time + ")" }

// Later implements store.Times.
func (Dialect) Later(time, us string) string {
	return "make_timestamp(epoch_us(" + time + ") + " + us + ")"
}

// Day implements store.Times.
func (Dialect) Day(time string) string { return "(" + time + "::DATE - DATE '1970-01-01')" }

// Midnight implements store.Times.
func (Dialect) Midnight(time string) string { return "date_trunc('day', " + time + ")" }

const (
	timeForm    = "'%Y-%m-%dT%H:%M:%S.%gZ'"
	timePattern = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z`
)

// TimeText implements store.Times.
func (Dialect) TimeText(time string) string { return "strftime(" + time + ", " + timeForm + ")" }

// TimeOf implements store.Times.
func (d Dialect) TimeOf(text string) string {
	return "CASE WHEN " + d.MatchesAll(text, timePattern) + " THEN try_strptime(" + text + ", " + timeForm + ") END"
}

// Contains implements store.Texts.
func (Dialect) Contains(text, part string) string { return "contains(" + text + ", " + part + ")" }

// StartsWith implements store.Texts.
func (Dialect) StartsWith(text, part string) string { return "starts_with(" + text + ", " + part + ")" }

// EndsWith implements store.Texts.
func (Dialect) EndsWith(text, part string) string { return "ends_with(" + text + ", " + part + ")" }

// Lower implements store.Texts.
func (Dialect) Lower(text string) string { return "lower(" + text + ")" }

// Matches implements store.Texts.
func (Dialect) Matches(text, pattern string) string {
	return "regexp_matches(" + text + ", " + pattern + ")"
}

// MatchesAll implements store.Texts.
func (Dialect) MatchesAll(text, pattern string) string {
	return "regexp_full_match(" + text + ", '" + pattern + "')"
}

// Double implements store.Texts.
func (Dialect) Double(text string) string {
	double := "TRY_CAST(" + text + " AS DOUBLE)"
	return "CASE WHEN isfinite(" + double + ") THEN " + double + " END"
}

// pointer is the JSON pointer of a member.
func pointer(path []string) string {
	var b strings.Builder
	for _, key := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
	}
	return b.String()
}

// Member implements store.Documents. What cannot be parsed has none.
func (Dialect) Member(document string, bind func(any) string, path ...string) string {
	return "TRY(json_extract(" + document + ", " + bind(pointer(path)) + "))"
}

// HasMember implements store.Documents.
func (Dialect) HasMember(document string, bind func(any) string, path ...string) string {
	return "TRY(json_exists(" + document + ", " + bind(pointer(path)) + "))"
}

// JSONType implements store.Documents.
func (Dialect) JSONType(member string) string { return "json_type(" + member + ")" }

// JSONText implements store.Documents.
func (Dialect) JSONText(member string) string { return "(" + member + " ->> '$')" }

// JSONNumber implements store.Documents.
func (Dialect) JSONNumber(member string) string { return "CAST(" + member + " AS DOUBLE)" }

// JSONBoolean implements store.Documents.
func (Dialect) JSONBoolean(member string) string { return "CAST(" + member + " AS BOOLEAN)" }

// JSONRaw implements store.Documents.
func (Dialect) JSONRaw(member string) string { return "CAST(" + member + " AS VARCHAR)" }

// Quantile implements store.Aggregates.
func (Dialect) Quantile(x string, share float64) string {
	return fmt.Sprintf("quantile_cont(%s, %g)", x, share)
}

// ArgMax implements store.Aggregates.
func (Dialect) ArgMax(x, by, where string) string {
	return "arg_max(" + x + ", " + by + ")" + only(where)
}

// only has an aggregate look at rows for which a condition holds, or at all when it is empty.
func only(where string) string {
	if where == "" {
		return ""
	}
	return " FILTER (WHERE " + where + ")"
}

// ArgMin implements store.Aggregates.
func (Dialect) ArgMin(x, by, where string) string {
	return "arg_min(" + x + ", " + by + ")" + only(where)
}

// ArgMaxNull implements store.Aggregates.
func (Dialect) ArgMaxNull(x, by string) string { return "arg_max_null(" + x + ", " + by + ")" }

// ArgMinNull implements store.Aggregates.
func (Dialect) ArgMinNull(x, by string) string { return "arg_min_null(" + x + ", " + by + ")" }

// Before implements store.Aggregates.
func (Dialect) Before(x, window string) string { return "lag(" + x + ") OVER (" + window + ")" }

// After implements store.Aggregates.
func (Dialect) After(x, window string) string { return "lead(" + x + ") OVER (" + window + ")" }

// LastKnown implements store.Aggregates.
func (Dialect) LastKnown(x, window string) string {
	return "last_value(" + x + " IGNORE NULLS) OVER (" + window + ")"
}

// FirstKnown implements store.Aggregates.
func (Dialect) FirstKnown(x, window string) string {
	return "first_value(" + x + " IGNORE NULLS) OVER (" + window + ")"
}

// Kept implements store.Aggregates.
func (Dialect) Kept(name, body string) string { return name + " AS MATERIALIZED (" + body + ")" }

// Distinct implements store.Aggregates.
func (Dialect) Distinct(string, string, string) (sql string, ok bool) { return "", false }

// Inlined implements store.Aggregates.
func (Dialect) Inlined(name, body string) string { return name + " AS NOT MATERIALIZED (" + body + ")" }
