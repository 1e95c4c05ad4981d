package rest

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/zeebo/xxh3"

	"github.com/freshet/freshet/internal/api/sheet"
	"github.com/freshet/freshet/internal/query"
	"github.com/freshet/freshet/internal/store"
)

const (
	defaultPeople = 50
	maxPeople     = 1000
)

// PeopleRequest asks for the people behind one number of a question's answer.
type PeopleRequest struct {
	Question json.RawMessage `json:"question"`
	Cell     json.RawMessage `json:"cell"`
	Limit    int             `json:"limit,omitempty"`
	Cursor   string          `json:"cursor,omitempty"`
}

// CellRequest names one number of a question's answer.
type CellRequest struct {
	Question json.RawMessage `json:"question"`
	Cell     json.RawMessage `json:"cell"`
}

// PeoplePage is a page of people, in the order of their numbers.
type PeoplePage struct {
	Total  int            `json:"total"`
	People []query.Person `json:"people"`
	// Next is the cursor of the next page; empty after the last.
	Next      string          `json:"next,omitempty"`
	Watermark store.Watermark `json:"watermark"`
}

type exportPeopleParameters struct {
	WaitParameters
	Format string `query:"format" default:"csv" enum:"csv,ndjson,parquet" doc:"csv is for spreadsheets; ndjson has a person a line; parquet is for data tools."`
}

// cells are the types of cells by the kind of question.
func cells() map[string]reflect.Type {
	return map[string]reflect.Type{
		"trends": reflect.TypeFor[query.PeopleOfTrends](), "funnel": reflect.TypeFor[query.PeopleOfFunnel](),
		"retention": reflect.TypeFor[query.PeopleOfRetention](), "lifecycle": reflect.TypeFor[query.PeopleOfLifecycle](),
		"stickiness": reflect.TypeFor[query.PeopleOfStickiness](), "paths": reflect.TypeFor[query.PeopleOfPaths](),
		"sessions": reflect.TypeFor[query.PeopleOfSessions](),
	}
}

const aboutCells = " The cell is named by the words of the answer: where its bucket starts, its step or state, the values of its breakdown. " +
	"The list holds exactly who is counted there; where a number counts sessions, devices, groups or events, the people whose they are."

func (a *API) registerPeople() {
	patient(a, huma.Operation{
		OperationID: "list-people", Method: http.MethodPost, Path: "/v1/people", Tags: []string{"questions"},
		Summary: "Page through the people behind a number",
		Description: "The people in the order of their numbers, so that paging stays good while events arrive. A question with relative times means " +
			"the present of each page; take the question out of the answer to keep them." + aboutCells,
	}, a.people)
	takes[PeopleRequest](a, http.MethodPost, "/v1/people", "The question, and which number of its answer.", example(peopleExample))
	text := &huma.Schema{Type: huma.TypeString}
	handle(a, huma.Operation{
		OperationID: "export-people", Method: http.MethodPost, Path: "/v1/people/export", Tags: []string{"questions"},
		Summary: "Download the people behind a number",
		Description: "All of them in one stream. An answer that ends early is cut off, so that it cannot pass for a whole one. In csv, text that a " +
			"spreadsheet would take for a formula has an apostrophe before it." + aboutCells,
		Errors: []int{http.StatusTooManyRequests, http.StatusGatewayTimeout},
		Responses: answers("The people.", map[string]*huma.MediaType{
			"application/x-ndjson": {Schema: text}, "text/csv": {Schema: text},
			"application/vnd.apache.parquet": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		}),
	}, read, a.exportPeople)
	takes[CellRequest](a, http.MethodPost, "/v1/people/export", "The question, and which number of its answer.", example(peopleExample))
}

const peopleExample = `{"question":{"kind":"funnel","range":{"from":"-30d"},"window":"7d","steps":[{"events":["product_viewed"]},{"events":["purchase"]}]},
	"cell":{"state":"dropped"}}`

// example is JSON as huma takes it.
func example(text string) any {
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}

// describePeople completes the schemas of requests with a question and a cell.
func (a *API) describePeople(schemas map[string]*huma.Schema) {
	cell := &huma.Schema{Description: "Which number; the kind of the question says which form it has."}
	for _, k := range kinds() {
		cell.OneOf = append(cell.OneOf, a.schema(cells()[k.name]))
	}
	for _, name := range []string{"PeopleRequest", "CellRequest", "ExplainRequest"} {
		s := schemas[name]
		s.Properties["question"] = a.anyKind(func(k kind) reflect.Type { return k.question })
		s.Properties["cell"] = cell
		s.Required = []string{"question", "cell"}
	}
	schemas["ExplainRequest"].Required = []string{"question", "cell", "person"}
	words(schemas["Explanation"], "reason", query.Reasons())
	words(schemas["PeopleOfLifecycle"], "state", query.LifecycleStates())
	words(schemas["PeopleOfFunnel"], "state", query.FunnelStates())
	words(schemas["PeopleOfStickiness"], "of", []string{"day", "span"})
	words(schemas["PathPlace"], "sort", query.PathSorts())
	words(schemas["Identity"], "kind", []string{"user", "anonymous", "device"})
}

// behind is a resolved question with the cell of its answer that is asked about.
type behind struct {
	query.Asked
	cell json.RawMessage
	// text is the question as it came, and the cell: two with the same text are about the same list.
	text []byte
}

// hash tells lists apart.
func (b *behind) hash(p store.ProjectID) uint64 { return xxh3.HashSeed(b.text, uint64(p)) }

func (a *API) behind(question, cell json.RawMessage, s query.Scope) (*behind, error) {
	for _, f := range []struct {
		name string
		data json.RawMessage
	}{{"question", question}, {"cell", cell}} {
		if len(f.data) == 0 {
			return nil, invalid("missing_field", f.name, "the body needs a question, and a cell of its answer")
		}
	}
	r, err := a.question(question, s)
	if err != nil {
		return nil, under("question", err)
	}
	var text bytes.Buffer
	for _, part := range [][]byte{question, cell} {
		if err := json.Compact(&text, part); err != nil {
			return nil, fmt.Errorf("write a question: %w", err)
		}
	}
	return &behind{r, cell, text.Bytes()}, nil
}

func (a *API) people(_ context.Context, c *call, in *WaitParameters) (work[PeoplePage], error) {
	request, err := body[PeopleRequest](c)
	if err != nil {
		return nil, err
	}
	if request.Limit == 0 {
		request.Limit = defaultPeople
	}
	if request.Limit < 1 || request.Limit > maxPeople {
		return nil, invalid("bad_limit", "limit", "limit is %d, it must be 1 to %d", request.Limit, maxPeople)
	}
	return waiting(a, c.scope().Project, in, func(ctx context.Context) (*PeoplePage, error) {
		scope := c.scope()
		b, err := a.behind(request.Question, request.Cell, scope)
		if err != nil {
			return nil, err
		}
		pages := &pager{scope: scope, hash: b.hash(scope.Project), cursor: request.Cursor, limit: request.Limit}
		if err := pages.check(); err != nil {
			return nil, err
		}
		list, w, err := a.set(ctx, scope, b)
		if err != nil {
			return nil, err
		}
		return a.page(ctx, pages, list, w)
	})
}

// pager says which page of a list of people is asked for.
type pager struct {
	scope query.Scope
	// hash tells lists apart: a cursor of another one is refused.
	hash   uint64
	cursor string
	limit  int
	after  uint64
	more   bool
}

// check reads the cursor.
func (p *pager) check() (err error) {
	p.after, p.more, err = query.AfterPerson(p.cursor, p.hash)
	return err
}

// page is a page of an ascending list.
func (a *API) page(ctx context.Context, p *pager, list []uint64, w store.Watermark) (*PeoplePage, error) {
	page := &PeoplePage{Total: len(list), People: []query.Person{}, Watermark: w}
	if p.more {
		at, found := slices.BinarySearch(list, p.after)
		if found {
			at++
		}
		list = list[at:]
	}
	if len(list) > p.limit {
		list = list[:p.limit]
		page.Next = query.PeopleCursor(list[p.limit-1], p.hash)
	}
	err := a.opts.Engine.Persons(ctx, p.scope, list, func(person *query.Person) error {
		page.People = append(page.People, *person)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// set finds the people behind a cell.
func (a *API) set(ctx context.Context, s query.Scope, b *behind) ([]uint64, store.Watermark, error) {
	return a.numbers(ctx, s, b.Key()+"|people|"+string(b.cell), func(ctx context.Context) ([]uint64, store.Watermark, error) {
		return a.opts.Engine.People(ctx, s, b.Asked, b.cell)
	})
}

// numbers finds people in the cache, or works them out together with whoever asks the same at the moment.
func (a *API) numbers(
	ctx context.Context, s query.Scope, key string, find func(ctx context.Context) ([]uint64, store.Watermark, error),
) ([]uint64, store.Watermark, error) {
	version, w := a.opts.Engine.Version(s.Project)
	key = cacheKey(s, version, key)
	if data, ok := a.opts.Cache.Get(ctx, key); ok {
		return numbers(data), w, nil
	}
	type found struct {
		people []uint64
		w      store.Watermark
	}
	f, err := shared(ctx, a, s, key, version, func(ctx context.Context) (*found, error) {
		people, w, err := find(ctx)
		if err != nil {
			return nil, err
		}
		return &found{people, w}, nil
	}, form[*found]{
		func(f *found) []byte { return packed(f.people) },
		func(b []byte) *found { return &found{numbers(b), w} },
	})
	if err != nil {
		return nil, w, err
	}
	return f.people, f.w, nil
}

// packed are numbers of 8 bytes each.
func packed(list []uint64) []byte {
	out := make([]byte, 0, 8*len(list))
	for _, n := range list {
		out = binary.BigEndian.AppendUint64(out, n)
	}
	return out
}

func numbers(data []byte) []uint64 {
	out := make([]uint64, 0, len(data)/8)
	for ; len(data) >= 8; data = data[8:] {
		out = append(out, binary.BigEndian.Uint64(data))
	}
	return out
}

func (a *API) exportPeople(ctx context.Context, c *call, in *exportPeopleParameters) (*huma.StreamResponse, error) {
	request, err := body[CellRequest](c)
	if err != nil {
		return nil, err
	}
	ctx, cancel, err := a.wait(ctx, c.scope().Project, &in.WaitParameters)
	if err != nil {
		return nil, err
	}
	defer cancel()
	b, err := a.behind(request.Question, request.Cell, c.scope())
	if err != nil {
		return nil, err
	}
	list, _, err := a.set(ctx, c.scope(), b)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("freshet-%d-people-%s", c.project.ID, a.opts.Now().UTC().Format("20060102-150405"))
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		x := newExport(c.w, in.Format, name)
		x.columns, x.typed = personColumns, personTypes()
		a.deliver(hc.Context(), x, func(ctx context.Context) error {
			return a.opts.Engine.Persons(ctx, c.scope(), list, x.person)
		})
	}}, nil
}

var personColumns = []string{
	"person", "user_id", "anonymous_id", "anonymous", "first_seen", "last_seen", "events", "country", "os", "app_version", "traits",
}

// personTypes are those of personColumns in a Parquet file.
func personTypes() []sheet.Column {
	types := map[string]sheet.Type{"anonymous": sheet.Truth, "first_seen": sheet.Time, "last_seen": sheet.Time, "events": sheet.Integer}
	out := make([]sheet.Column, len(personColumns))
	for i, name := range personColumns {
		out[i] = sheet.Column{Name: name, Type: types[name]}
	}
	return out
}

func (x *export) person(p *query.Person) error {
	if err := x.begin(); err != nil {
		return err
	}
	if x.csv != nil {
		return x.csv.Write([]string{
			p.Person, cell(p.UserID), cell(p.AnonymousID), strconv.FormatBool(p.Anonymous), moments(p.FirstSeen), moments(p.LastSeen),
			strconv.FormatInt(p.Events, 10), cell(p.Country), cell(p.OS), cell(p.AppVersion), string(p.Traits),
		})
	}
	if x.file != nil {
		return x.row([]any{
			p.Person, orNil(p.UserID), orNil(p.AnonymousID), p.Anonymous, instant(p.FirstSeen), instant(p.LastSeen), p.Events, orNil(p.Country), orNil(p.OS),
			orNil(p.AppVersion), orNil(string(p.Traits)),
		})
	}
	line, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write a person: %w", err)
	}
	_, err = x.buf.Write(append(line, '\n'))
	return err
}

// moments is a time as the export writes it, empty for none.
func moments(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// orNil and instant are cells of a Parquet file, nil for none.
func orNil(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func instant(t *time.Time) any {
	if t == nil {
		return nil
	}
	return *t
}
