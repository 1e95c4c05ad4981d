package clickhouse

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/freshet/freshet/internal/store"
)

// Dialect is ClickHouse's SQL under the settings of this package: a cast of NULL is NULL, what a join does not find is
// NULL, and so is the aggregate of no rows.
type Dialect struct {
	// spread tells that conditions are sent to shards.
	spread bool
	// keeps tells that the server can keep a relation that is read several times; older ones do not know the setting.
	keeps bool
}

var _ store.Dialect = Dialect{}

// Dialect implements store.Cut.
func (c *cut) Dialect() store.Dialect {
	return Dialect{spread: c.store.spread(), keeps: c.store.client.keeps}
}

// Parameter implements store.Values.
func (Dialect) Parameter(n int, v any) string {
	typ := "String"
	switch v.(type) {
	case float64:
		typ = "Float64"
	case bool:
		typ = "Bool"
	case int64:
		typ = "Int64"
	case []string:
		typ = "Array(String)"
	case []float64:
		typ = "Array(Float64)"
	}
	return "{p" + strconv.Itoa(n) + ":" + typ + "}"
}

// Among implements store.Values. Of the two zeros there is one in a list; adding zero makes one of them in a column.
func (Dialect) Among(x, list string) string {
	if strings.HasSuffix(list, ":Array(Float64)}") {
		return "(" + x + " + 0) IN (SELECT arrayJoin(" + list + ") + 0)"
	}
	return x + " IN (SELECT arrayJoin(" + list + "))"
}

// Numbered implements store.Values.
func (Dialect) Numbered(list string, length int, place, name string) string {
	return fmt.Sprintf("(SELECT CAST(t.1 AS Int64) AS %s, t.2 AS %s FROM (SELECT arrayJoin(arrayZip(range(1, %d), %s)) AS t))", place, name, length+1, list)
}

// Place implements store.Values.
func (Dialect) Place(list, x string) string { return "nullIf(indexOf(" + list + ", " + x + "), 0)" }

// Cast implements store.Values.
func (Dialect) Cast(x string, t store.Type) string {
	typ := "String"
	switch t {
	case store.Float:
		typ = "Float64"
	case store.Boolean:
		typ = "Bool"
	case store.Int:
		typ = "Int64"
	case store.Number64:
		typ = "UInt64"
	default:
	}
	return "CAST(" + x + " AS " + typ + ")"
}

// Unsigned implements store.Values.
func (Dialect) Unsigned(x string, bits int) string {
	switch {
	case bits <= 8:
		return "toUInt8(" + x + ")"
	case bits <= 16:
		return "toUInt16(" + x + ")"
	case bits <= 32:
		return "toUInt32(" + x + ")"
	}
	return "toUInt64(" + x + ")"
}

// Wide implements store.Values.
func (Dialect) Wide(x string) string { return "toInt128(" + x + ")" }

// Quotient implements store.Values.
func (Dialect) Quotient(x string, by int64) string { return fmt.Sprintf("intDiv(%s, %d)", x, by) }

// NumberText implements store.Values. ClickHouse has exponents from 1e21 on and below 1e-6 only, and no .0.
func (Dialect) NumberText(x string) string {
	x = "(" + x + ")"
	p := "toString(" + x + ")"
	large := "concat(trim(TRAILING '.' FROM replaceRegexpOne(" + p + ", '^(-?[0-9])([0-9]*?)0*$', '\\\\1.\\\\2')), 'e+'," +
		" toString(length(replaceOne(" + p + ", '-', '')) - 1))"
	small := "concat(trim(TRAILING '.' FROM replaceRegexpOne(" + p + ", '^(-?)0[.]0*([1-9])([0-9]*)$', '\\\\1\\\\2.\\\\3')), 'e-0'," +
		" toString(length(extract(" + p + ", '^-?0[.](0*)')) + 1))"
	return "multiIf(" +
		"abs(" + x + ") >= 1e21, replaceOne(" + p + ", 'e', 'e+'), " +
		"abs(" + x + ") >= 1e16, " + large + ", " +
		x + " = 0 OR abs(" + x + ") >= 1e-4, concat(" + p + ", if(" + x + " = trunc(" + x + "), '.0', '')), " +
		"position(" + p + ", 'e') > 0, replaceRegexpOne(" + p + ", 'e-([0-9])$', 'e-0\\\\1'), " + small + ")"
}

// Hash implements store.Values. The hash of values that may be NULL may be NULL too, if only by its type.
func (Dialect) Hash(values ...string) string {
	return "assumeNotNull(sipHash64(" + strings.Join(values, ", ") + "))"
}

// Moment implements store.Times. A server sends another one a time that it has worked out as the text of its seconds, and that one takes eight digits
// for a date and eleven for a mistake. So what does not have ten, as the years from 2002 to 2285 have, each works out itself.
func (d Dialect) Moment(us int64) string {
	number := strconv.FormatInt(us, 10)
	if d.spread && (us < 1e15 || us >= 1e16) {
		number = "materialize(toInt64(" + number + "))"
	}
	return "fromUnixTimestamp64Micro(" + number + ", 'UTC')"
}

// Micros implements store.Times.
func (Dialect) Micros(time string) string { return "toUnixTimestamp64Micro(" + time + ")" }

// Later implements store.Times.
func (d Dialect) Later(time, us string) string {
	return "fromUnixTimestamp64Micro(" + d.Micros(time) + " + " + us + ", 'UTC')"
}

const dayMicros = "86400000000"

// Day implements store.Times.
func (d Dialect) Day(time string) string {
	us := d.Micros(time)
	return "intDiv(" + us + " - positiveModulo(" + us + ", " + dayMicros + "), " + dayMicros + ")"
}

// Midnight implements store.Times.
func (d Dialect) Midnight(time string) string {
	us := d.Micros(time)
	return "fromUnixTimestamp64Micro(" + us + " - positiveModulo(" + us + ", " + dayMicros + "), 'UTC')"
}

// ClickHouse's calendar has the years from 1900 to 2299: 400 years, after which the calendar repeats itself. Times of
// other years are moved by multiples of that.
const (
	eraMicros = "12622780800000000"
	eraStart  = "2208988800000000" // before 1970
)

// TimeText implements store.Times.
func (d Dialect) TimeText(time string) string {
	since := d.Micros(time) + " + " + eraStart
	within := "positiveModulo(" + since + ", " + eraMicros + ")"
	era := "intDiv(" + since + " - " + within + ", " + eraMicros + ")"
	moved := "fromUnixTimestamp64Micro(" + within + " - " + eraStart + ", 'UTC')"
	return "concat(leftPad(toString(toYear(" + moved + ") + 400 * " + era + "), 4, '0'), substring(toString(" + moved + "), 5, 6), 'T'," +
		" substring(toString(" + moved + "), 12, 12), 'Z')"
}

const timePattern = `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z`

// TimeOf implements store.Times. A year is read as the one of 2000 to 2399 with the same calendar, less 400 when that is
// past the end.
func (d Dialect) TimeOf(text string) string {
	year := "toInt64OrZero(substring(" + text + ", 1, 4))"
	near := "(1900 + (" + year + " + 100) % 400)"
	parsed := "parseDateTime64OrNull(concat(toString(" + near + "), substring(" + text + ", 5)), '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC')"
	return "CASE WHEN " + d.MatchesAll(text, timePattern) + " THEN fromUnixTimestamp64Micro(toUnixTimestamp64Micro(" + parsed + ")" +
		" + intDiv(" + year + " - " + near + ", 400) * " + eraMicros + ", 'UTC') END"
}

// Contains implements store.Texts.
func (Dialect) Contains(text, part string) string { return "position(" + text + ", " + part + ") > 0" }

// StartsWith implements store.Texts.
func (Dialect) StartsWith(text, part string) string { return "startsWith(" + text + ", " + part + ")" }

// EndsWith implements store.Texts.
func (Dialect) EndsWith(text, part string) string { return "endsWith(" + text + ", " + part + ")" }

// Lower implements store.Texts. The two letters that become several, or go by their neighbours, are taken one by one.
func (Dialect) Lower(text string) string {
	return "lowerUTF8(translateUTF8(" + text + ", 'Σİ', 'σi'))"
}

// Matches implements store.Texts. By itself a dot would match the end of a line.
func (Dialect) Matches(text, pattern string) string {
	return "match(" + text + ", concat('(?-s)', " + pattern + "))"
}

// MatchesAll implements store.Texts.
func (Dialect) MatchesAll(text, pattern string) string {
	return "match(" + text + ", '^(?:" + pattern + ")$')"
}

// Double implements store.Texts.
func (Dialect) Double(text string) string {
	double := "toFloat64OrNull(" + text + ")"
	return "CASE WHEN isFinite(" + double + ") THEN " + double + " END"
}

// members is the column that has the members of a document, as JSON, by their path.
func members(document string) string { return document + "_members" }

// memberKey is the key of a member in there.
func memberKey(path []string) string { return strings.Join(path, "\x00") }

// Member implements store.Documents. ClickHouse need not read JSON: the members lie beside the document.
func (Dialect) Member(document string, bind func(any) string, path ...string) string {
	return "nullIf(" + members(document) + "[" + bind(memberKey(path)) + "], '')"
}

// HasMember implements store.Documents.
func (Dialect) HasMember(document string, bind func(any) string, path ...string) string {
	return "mapContains(" + members(document) + ", " + bind(memberKey(path)) + ")"
}

// JSONType implements store.Documents.
func (Dialect) JSONType(member string) string {
	return "CASE substring(" + member + ", 1, 1) WHEN 'n' THEN 'NULL' WHEN '\"' THEN 'VARCHAR' WHEN 't' THEN 'BOOLEAN' WHEN 'f' THEN 'BOOLEAN'" +
		" WHEN '{' THEN 'OBJECT' WHEN '[' THEN 'ARRAY' ELSE 'DOUBLE' END"
}

// JSONText implements store.Documents.
func (Dialect) JSONText(member string) string { return "JSONExtractString(" + member + ")" }

// JSONNumber implements store.Documents.
func (Dialect) JSONNumber(member string) string { return "toFloat64OrNull(" + member + ")" }

// JSONBoolean implements store.Documents.
func (Dialect) JSONBoolean(member string) string { return "CAST(" + member + " = 'true' AS Bool)" }

// JSONRaw implements store.Documents.
func (Dialect) JSONRaw(member string) string { return member }

// Quantile implements store.Aggregates.
func (Dialect) Quantile(x string, share float64) string {
	return fmt.Sprintf("quantileExactInclusive(%g)(%s)", share, x)
}

// ArgMax implements store.Aggregates.
func (Dialect) ArgMax(x, by, where string) string {
	return "argMax(" + x + ", " + by + ")" + only(where)
}

// ArgMin implements store.Aggregates.
func (Dialect) ArgMin(x, by, where string) string {
	return "argMin(" + x + ", " + by + ")" + only(where)
}

// only has an aggregate look at rows for which a condition holds, or at all when it is empty.
func only(where string) string {
	if where == "" {
		return ""
	}
	return " FILTER (WHERE " + where + ")"
}

// ArgMaxNull implements store.Aggregates. What is in a tuple is not NULL.
func (Dialect) ArgMaxNull(x, by string) string { return "argMax(tuple(" + x + "), " + by + ").1" }

// ArgMinNull implements store.Aggregates.
func (Dialect) ArgMinNull(x, by string) string { return "argMin(tuple(" + x + "), " + by + ").1" }

// Before implements store.Aggregates. The row before the first one would be zero, not NULL.
func (Dialect) Before(x, window string) string {
	return "lag(toNullable(" + x + ")) OVER (" + window + ")"
}

// After implements store.Aggregates.
func (Dialect) After(x, window string) string {
	return "lead(toNullable(" + x + ")) OVER (" + window + ")"
}

// LastKnown implements store.Aggregates.
func (Dialect) LastKnown(x, window string) string {
	return "last_value(" + x + ") IGNORE NULLS OVER (" + window + ")"
}

// FirstKnown implements store.Aggregates.
func (Dialect) FirstKnown(x, window string) string {
	return "first_value(" + x + ") IGNORE NULLS OVER (" + window + ")"
}

// Kept implements store.Aggregates.
func (d Dialect) Kept(name, body string) string {
	if d.keeps {
		return name + " AS MATERIALIZED (" + body + ")"
	}
	return name + " AS (" + body + ")"
}

// Distinct implements store.Aggregates.
func (Dialect) Distinct(relation, by, x string) (sql string, ok bool) {
	return "(SELECT " + by + ", uniqExact(" + x + ") AS n, grouping(" + by + ") <> 0 AS total FROM " + relation + " GROUP BY GROUPING SETS ((" + by + "), ()))", true
}

// Inlined implements store.Aggregates.
func (Dialect) Inlined(name, body string) string { return name + " AS (" + body + ")" }
