package rest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/freshet/freshet/internal/query"
)

// kind is one kind of question.
type kind struct {
	name             string
	question, answer reflect.Type
	// read decodes and resolves a question.
	read func(data []byte, e *query.Engine, s query.Scope) (query.Asked, error)
}

func kindFor[Q, A any, R query.Asked](name string, resolve func(*query.Engine, query.Scope, *Q) (R, error)) kind {
	return kind{
		name: name, question: reflect.TypeFor[Q](), answer: reflect.TypeFor[A](),
		read: func(data []byte, e *query.Engine, s query.Scope) (query.Asked, error) {
			q := new(Q)
			if err := decode(data, q); err != nil {
				return nil, err
			}
			r, err := resolve(e, s, q)
			if err != nil {
				return nil, err
			}
			return r, nil
		},
	}
}

// kinds are all kinds of questions; one without a kind is of the first.
func kinds() []kind {
	return []kind{
		kindFor[query.Trends, query.Answer]("trends", (*query.Engine).Resolve),
		kindFor[query.Funnel, query.FunnelAnswer]("funnel", (*query.Engine).ResolveFunnel),
		kindFor[query.Retention, query.RetentionAnswer]("retention", (*query.Engine).ResolveRetention),
		kindFor[query.Lifecycle, query.LifecycleAnswer]("lifecycle", (*query.Engine).ResolveLifecycle),
		kindFor[query.Stickiness, query.StickinessAnswer]("stickiness", (*query.Engine).ResolveStickiness),
		kindFor[query.Paths, query.PathsAnswer]("paths", (*query.Engine).ResolvePaths),
		kindFor[query.Sessions, query.SessionsAnswer]("sessions", (*query.Engine).ResolveSessions),
	}
}

// question reads a question of any kind. What is wrong with more than its kind is left to the kind to say.
func (a *API) question(data []byte, s query.Scope) (query.Asked, error) {
	return ReadQuestion(a.opts.Engine, s, data)
}

// ReadQuestion reads a question of any kind as POST /v1/query does, and resolves it.
func ReadQuestion(e *query.Engine, s query.Scope, data []byte) (query.Asked, error) {
	chosen, err := kindOfQuestion(data)
	if err != nil {
		return nil, err
	}
	return chosen.read(data, e, s)
}

// kindOfQuestion finds the kind of a question, which need not be a good one otherwise.
func kindOfQuestion(data []byte) (kind, error) {
	all := kinds()
	chosen := all[0]
	var head struct{ Kind any }
	if json.Unmarshal(data, &head) == nil {
		if name, ok := head.Kind.(string); ok && name != "" {
			at := slices.IndexFunc(all, func(k kind) bool { return k.name == name })
			if at < 0 {
				names := make([]string, len(all))
				for i := range all {
					names[i] = all[i].name
				}
				return kind{}, invalid("unknown_word", "kind", "%q is not one of %s", name[:min(len(name), 64)], strings.Join(names, ", "))
			}
			chosen = all[at]
		}
	}
	return chosen, nil
}

// anyKind is the schema of the questions or answers of all kinds, told apart by the field "kind".
func (a *API) anyKind(of func(kind) reflect.Type) *huma.Schema {
	return anyKind(a.huma.OpenAPI().Components.Schemas, of)
}

func anyKind(schemas huma.Registry, of func(kind) reflect.Type) *huma.Schema {
	out := &huma.Schema{Discriminator: &huma.Discriminator{PropertyName: "kind", Mapping: map[string]string{}}}
	for _, k := range kinds() {
		s := schemas.Schema(of(k), true, "")
		out.OneOf = append(out.OneOf, s)
		out.Discriminator.Mapping[k.name] = s.Ref
	}
	return out
}

// documentQuestion documents the body of POST /v1/query.
func (a *API) documentQuestion(path string, examples map[string]*huma.Example) {
	op := a.huma.OpenAPI().Paths[path].Post
	op.RequestBody = &huma.RequestBody{
		Description: "The question; without a kind it is of trends.", Required: true,
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: a.anyKind(func(k kind) reflect.Type { return k.question }), Examples: examples,
		}},
	}
	op.Responses[strconv.Itoa(http.StatusRequestEntityTooLarge)] = op.Responses["400"]
	op.Responses[strconv.Itoa(http.StatusUnsupportedMediaType)] = op.Responses["400"]
}

// examples has a question of each kind.
func examples() map[string]*huma.Example {
	object := func(text string) *huma.Example {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			panic(err)
		}
		return &huma.Example{Value: v}
	}
	return map[string]*huma.Example{
		"trends": object(`{"kind":"trends","range":{"from":"-30d","to":"now"},"interval":"day",
			"series":[{"id":"A","events":["purchase"],"aggregate":"sum","property":"amount"}],
			"where":{"property":"$country","op":"in","value":["DE","FR"]}}`),
		"funnel": object(`{"kind":"funnel","range":{"from":"-30d"},"window":"7d",
			"steps":[{"events":["product_viewed"]},{"events":["product_added"]},{"events":["purchase"]}]}`),
		"retention": object(`{"kind":"retention","range":{"from":"-8w"},"interval":"week",
			"start":{"events":["signed_up"]},"return":{"events":["app_opened"]}}`),
		"lifecycle":  object(`{"kind":"lifecycle","range":{"from":"-30d"},"active":{"events":["app_opened"]}}`),
		"stickiness": object(`{"kind":"stickiness","range":{"from":"-30d"},"active":{"events":["app_opened"]}}`),
		"paths":      object(`{"kind":"paths","range":{"from":"-7d"},"from":{"events":["app_opened"]},"depth":4}`),
		"sessions":   object(`{"kind":"sessions","range":{"from":"-30d"},"breakdown":[{"property":"$country"}]}`),
	}
}
