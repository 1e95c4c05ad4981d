package store

// Dialect writes what engines of SQL spell differently. Arguments and results are SQL, values of questions among them
// only as parameters. What is not here is written alike for all stores: a statement of query is made of both.
//
// A function of a NULL is NULL unless it says otherwise.
type Dialect interface {
	Values
	Times
	Texts
	Documents
	Aggregates
}

// Values are parameters, types and numbers.
type Values interface {
	// Parameter is the place of the n-th value bound, from 1. Lists are of texts or numbers.
	Parameter(n int, v any) string
	// Among is true for values that are in a list that was bound.
	Among(x, list string) string
	// Numbered is a relation of the values of a list of so many texts: the column name has the value, place its number
	// from 1.
	Numbered(list string, length int, place, name string) string
	// Place is the number of a value in a list that was bound, from 1, and NULL for others.
	Place(list, x string) string
	// Cast is a value as one of the types Text, Float, Boolean, Int and Number64.
	Cast(x string, t Type) string
	// Unsigned is a whole number in the narrowest type that has so many bits, up to 64.
	Unsigned(x string, bits int) string
	// Wide is a whole number in a type of 128 bits.
	Wide(x string) string
	// Quotient divides a whole number that is not negative, and drops the rest.
	Quotient(x string, by int64) string
	// NumberText is a text for a number of the type Float, the same in every store: the shortest digits that tell it from
	// others, with .0 if it is whole, and with an exponent from 1e16 on and below 1e-4. Groups of equal size are in the order
	// of their texts.
	NumberText(x string) string
	// Hash is a number of 64 bits that stands for some values, none of which is NULL.
	Hash(values ...string) string
}

// Times are columns of the type Time, or what Moment makes.
type Times interface {
	// Moment is a time in microseconds since 1970 UTC.
	Moment(us int64) string
	// Micros is the microseconds since 1970 UTC of a time.
	Micros(time string) string
	// Later is a time so many microseconds later.
	Later(time, us string) string
	// Day is the number of days since 1970 UTC of a time, Midnight the time at which that day begins.
	Day(time string) string
	Midnight(time string) string
	// TimeText is a time as ParseTime reads it. TimeOf is the time of a text in exactly that form, and NULL for all other
	// texts; of the year 0 it may be either.
	TimeText(time string) string
	TimeOf(text string) string
}

// Texts are columns of the type Text, and parameters.
type Texts interface {
	Contains(text, part string) string
	StartsWith(text, part string) string
	EndsWith(text, part string) string
	Lower(text string) string
	// Matches is true for texts a part of which has a pattern in the syntax of RE2, MatchesAll if all of it has. The
	// pattern of MatchesAll is no SQL but the pattern itself, without quotes and backslashes.
	Matches(text, pattern string) string
	MatchesAll(text, pattern string) string
	// Double is the number that a text is, in decimal form, and NULL if it is none that is finite.
	Double(text string) string
}

// Documents are columns of the type JSON, and the members that Member finds in them.
type Documents interface {
	// Member is a member of an object, of an object in that, and so on; NULL when it is not there. bind makes parameters.
	Member(document string, bind func(any) string, path ...string) string
	// HasMember tells whether the member is there.
	HasMember(document string, bind func(any) string, path ...string) string
	// JSONType is one of the words NULL, VARCHAR, BOOLEAN, OBJECT and ARRAY, or another one for a number.
	JSONType(member string) string
	// JSONText is the text that a member of the type VARCHAR is, JSONNumber and JSONBoolean the value of a number and a
	// boolean, and JSONRaw any member as it is in the document. They are for members of their types only.
	JSONText(member string) string
	JSONNumber(member string) string
	JSONBoolean(member string) string
	JSONRaw(member string) string
}

// Aggregates are functions of several rows, and relations.
type Aggregates interface {
	// Quantile is the value below which a share of the numbers lies, between two of them in proportion.
	Quantile(x string, share float64) string
	// ArgMax is x of the row with the greatest value of by, of those for which a condition holds, which may be empty, and x is
	// not NULL; ArgMin of that with the least. ArgMaxNull and ArgMinNull look at all rows.
	ArgMax(x, by, where string) string
	ArgMin(x, by, where string) string
	ArgMaxNull(x, by string) string
	ArgMinNull(x, by string) string
	// Before is x of the row before, in a window without a frame, and After of the row behind; NULL when there is none.
	Before(x, window string) string
	After(x, window string) string
	// LastKnown is the last x in a window up to this row that is not NULL, FirstKnown the first.
	LastKnown(x, window string) string
	FirstKnown(x, window string) string
	// Kept is a relation for WITH that is worked out once if the engine can do so, Inlined one that is each time it is read.
	Kept(name, body string) string
	Inlined(name, body string) string
	// Distinct is a relation with how many different x a relation has for each value of by, and a row for all of them: as by, n and total. ok is false
	// where it takes less to keep what is different and count that twice.
	Distinct(relation, by, x string) (sql string, ok bool)
}
