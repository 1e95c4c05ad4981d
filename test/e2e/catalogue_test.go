package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// input is a row of docs/bad-input.md: what somebody sends, and what is answered, in the words of the page.
type input struct {
	id, what, answer string
	// try sends it and tells what was answered. nil: it is shown by another test, which test names.
	try  func(c *catalogue) string
	test string
	// slow inputs take seconds by their nature, and go beside each other.
	slow bool
}

// catalogue is the server that the inputs are sent to.
type catalogue struct {
	*server
	t *testing.T
	// read is a key that may read, foreign one of another server.
	read, foreign string
	before        int64
	// sent is the latest request, up to sentKept bytes of it.
	sent []byte
}

const (
	// sentKept bounds what an answer is compared with, echoMost what of that it may have in one piece.
	sentKept = 256 << 10
	echoMost = 256
)

// call is that of the server, and remembers what was sent.
func (c *catalogue) call(method, target, key string, body []byte, header ...string) (reply, error) {
	c.sent = append([]byte(target+" "+strings.Join(header, " ")+" "), body[:min(len(body), sentKept)]...)
	return c.server.call(method, target, key, body, header...)
}

// echo is the first piece of an answer, longer than echoMost bytes, that is also in what was sent; empty when there is none.
func echo(answer, sent []byte) string {
	for from := 0; from+echoMost < len(answer); from++ {
		if piece := answer[from : from+echoMost+1]; bytes.Contains(sent, piece) {
			return string(piece)
		}
	}
	return ""
}

func TestEcho(t *testing.T) {
	t.Parallel()
	for n, found := range map[int]bool{echoMost: false, echoMost + 1: true} {
		piece := strings.Repeat("x", n)
		if got := echo([]byte("what about "+piece+"?"), []byte("a="+piece+"y")); (got != "") != found {
			t.Errorf("%d bytes: %q", n, got)
		}
	}
}

// memoryLimit is what the server of the catalogue may have, as in a container: it lives within it, or is killed.
const memoryLimit = 512 << 20

// TestBadInput sends the whole catalogue of bad inputs to one server that has 512 MiB of memory: each gets exactly the
// answer of the page, good events go through after each, nothing is lost, doubled or made up, and a crash changes nothing.
func TestBadInput(t *testing.T) {
	t.Parallel()
	c := &catalogue{t: t, foreign: start(t).write}
	c.server = &server{t: t, dir: filepath.Join(t.TempDir(), "data"), args: []string{"--limits-max-connections", "1000"}, group: memoryGroup(t)}
	c.launch()
	c.prepare()
	var slow []input
	for _, in := range inputs(t, c.server) {
		switch {
		case in.try == nil:
		case in.slow:
			slow = append(slow, in)
		default:
			t.Run(in.name(), func(t *testing.T) { c.run(t, in) })
		}
	}
	t.Run("slow", func(t *testing.T) {
		for _, in := range slow {
			t.Run(in.name(), func(t *testing.T) {
				t.Parallel()
				c.run(t, in)
			})
		}
	})
	c.conclude()
}

func (in input) name() string { return in.id + " " + in.what }

func (c *catalogue) run(t *testing.T, in input) {
	began := time.Now()
	if got := in.try(&catalogue{server: c.server, t: t, read: c.read, foreign: c.foreign}); got != in.answer {
		t.Errorf("%s: %s, want %s", in.what, got, in.answer)
	}
	// This is about an answer that is waited for, not about speed: the machine may be busy with other tests.
	if took := time.Since(began); !in.slow && took > soon {
		t.Errorf("the answer took %s", took)
	}
}

// memoryGroup makes a cgroup with the memory limit, or returns "" where there are no such groups or we may not make one.
func memoryGroup(t *testing.T) string {
	t.Helper()
	root, limit := "/sys/fs/cgroup/memory", "memory.limit_in_bytes"
	if on, err := os.ReadFile("/sys/fs/cgroup/cgroup.subtree_control"); err == nil && strings.Contains(string(on), "memory") {
		root, limit = "/sys/fs/cgroup", "memory.max"
	}
	dir, err := os.MkdirTemp(root, "freshet-e2e-")
	if err != nil {
		return ""
	}
	// The kernel lets go of a group a moment after its last process.
	t.Cleanup(func() {
		eventually(t, soon, "the memory group can be removed", func() bool { return os.Remove(dir) == nil })
	})
	if err := os.WriteFile(filepath.Join(dir, limit), []byte(strconv.Itoa(memoryLimit)), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// prepare gives the questions something to ask about.
func (c *catalogue) prepare() {
	r := c.send("/v1/events", text(`[{"event":"buy","user_id":"u","properties":{"amount":5,"plan":"pro"}},{"event":"view","user_id":"u"}]`))
	_, c.read = c.createKey("read")
	c.waitVisible(r.position())
	c.before = c.memory("VmRSS")
}

// conclude checks what must hold after everything.
func (c *catalogue) conclude() {
	c.checkAlive("everything")
	counted := c.ledger()
	if counted.Stored+counted.Dead+counted.Duplicate != counted.Accepted {
		c.t.Errorf("ledger: %+v", counted)
	}
	var letters struct {
		DeadLetters []struct{ Code, Reason, Body string } `json:"dead_letters"`
	}
	c.get("/v1/deadletters?limit=200", &letters)
	if int64(len(letters.DeadLetters)) != counted.Dead {
		c.t.Errorf("%d dead letters, the ledger has %d", len(letters.DeadLetters), counted.Dead)
	}
	for _, d := range letters.DeadLetters {
		if d.Reason == "" || d.Body == "" {
			c.t.Errorf("a dead letter %q without reason or bytes", d.Code)
		}
	}
	// Pages of files, such as the binary's own, count in a group only until the kernel wants them back.
	peak, files := c.memory("VmHWM"), c.memory("RssFile")
	c.t.Logf("the server took %d MB at most, %d of files now, %d before the first input", peak>>20, files>>20, c.before>>20)
	if c.group == "" && peak-files > memoryLimit {
		c.t.Errorf("the server took %d MB and pages of files", (peak-files)>>20)
	}
	eventually(c.t, soon, "the server has less than 64 MB more than before", func() bool {
		c.checkAlive("everything")
		return c.memory("VmRSS")-c.before < 64<<20
	})
	alive := int64(c.alive)
	counted = c.ledger()
	c.kill()
	c.restart()
	if again := c.ledger(); again != counted {
		c.t.Errorf("ledger %+v after %d good events, after a crash %+v", counted, alive, again)
	}
}

// memory is a figure of the server's process, in bytes.
func (s *server) memory(field string) int64 {
	s.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.cmd.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), field+":")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kb << 10
}

// checkAlive sends a good event and waits until it is visible: the pipeline goes on.
func (s *server) checkAlive(after string) {
	s.t.Helper()
	s.alive++
	r, err := s.call(http.MethodPost, "/v1/events", s.write, fmt.Appendf(nil, `{"event":"good","user_id":"u","id":"alive-%d"}`, s.alive))
	if err != nil || r.status != http.StatusOK {
		s.t.Fatalf("after %s: %v %s", after, err, r)
	}
	s.waitVisible(r.position())
}

const (
	accepted = "200, accepted"
	once     = "200, stored once"
	closed   = "closed without an answer"
)

func refused(status int, code string) string {
	if code == "" {
		return strconv.Itoa(status)
	}
	return fmt.Sprintf("%d `%s`", status, code)
}

func dead(code string) string { return fmt.Sprintf("200, dead letter `%s`", code) }

// tell says what was answered, and checks what holds of every answer.
func (c *catalogue) tell(r reply, err error) string {
	if err != nil {
		return err.Error()
	}
	if r.status < 300 {
		return strconv.Itoa(r.status)
	}
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		c.t.Errorf("content type %q", got)
	}
	if r.header.Get("X-Request-Id") == "" {
		c.t.Error("no request id")
	}
	if len(r.body) > 1000 || anyKey.Match(r.body) {
		c.t.Errorf("the answer has %d bytes, or a key in it", len(r.body))
	}
	if piece := echo(r.body, c.sent); piece != "" {
		c.t.Errorf("the answer has more than %d bytes of what was sent in it: %s", echoMost, piece)
	}
	if wait := r.header.Get("Retry-After"); (r.status == 429 || r.status == 503) != (wait != "") {
		c.t.Errorf("%d with Retry-After %q", r.status, wait)
	}
	return refused(r.status, r.code())
}

// results reads the answer of /v1/events: "accepted" if all were, else what the dead ones are.
func (c *catalogue) results(r reply, err error) string {
	if err != nil || r.status != http.StatusOK {
		return c.tell(r, err)
	}
	var a struct {
		Results []struct{ Status, Code string }
	}
	if err := json.Unmarshal(r.body, &a); err != nil || len(a.Results) == 0 {
		return fmt.Sprintf("%v %s", err, r)
	}
	var codes []string
	for _, one := range a.Results {
		if one.Status != "accepted" {
			codes = append(codes, dead(one.Code))
		}
	}
	if len(codes) == 0 {
		return accepted
	}
	return strings.Join(codes, "; ")
}

// request is a body for /v1/events as a whole.
func request(id, what, answer string, body []byte, header ...string) input {
	return requestTo(id, what, answer, "/v1/events", body, header...)
}

// requestTo is a body for any door; it is sent with the write key unless the header has another Authorization.
func requestTo(id, what, answer, path string, body []byte, header ...string) input {
	return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
		r, err := c.call(http.MethodPost, path, c.write, body, header...)
		defer c.alivePost()
		if path == "/v1/events" {
			return c.results(r, err)
		}
		return c.tell(r, err)
	}}
}

// alivePost wants a good event to be taken, without waiting for it.
func (c *catalogue) alivePost() {
	c.t.Helper()
	if r, err := c.call(http.MethodPost, "/v1/events", c.write, text(`{"event":"good","user_id":"u"}`)); err != nil || r.status != http.StatusOK {
		c.t.Errorf("a good event afterwards: %v %s", err, r)
	}
}

// event is one event that comes between two good ones, which must be taken.
func eventInput(id, what, answer, body string) input {
	return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
		r, err := c.call(http.MethodPost, "/v1/events", c.write, text(`[{"event":"good","user_id":"u"},`+body+`,{"event":"good","user_id":"v"}]`))
		var a struct {
			Results []struct{ Status, Code string }
		}
		if err == nil && r.status == http.StatusOK {
			err = json.Unmarshal(r.body, &a)
		}
		if err != nil || len(a.Results) != 3 {
			return c.tell(r, err)
		}
		if a.Results[0].Status != "accepted" || a.Results[2].Status != "accepted" {
			c.t.Errorf("a good neighbour was not accepted: %s", r)
		}
		if a.Results[1].Status == "accepted" {
			return accepted
		}
		return dead(a.Results[1].Code)
	}}
}

// question asks the API, with the key of a reader.
func question(id, what, answer, method, target, body string, header ...string) input {
	return input{id: id, what: what, answer: answer, try: func(c *catalogue) string {
		target := strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22", " ", "%20").Replace(target)
		return c.tell(c.call(method, target, c.read, text(body), header...))
	}}
}

// shown is an input whose answer another test of the repository shows.
func shown(id, what, answer, test string) input {
	return input{id: id, what: what, answer: answer, test: test}
}

// sections are those of the page, by the letters of their numbers.
const sections = "IQAFC"

// pageRow is a row of the page's tables.
var pageRow = regexp.MustCompile(`(?m)^\| ([IQAFC][0-9]{2}) \|.*$`)

// TestBadInputPage holds docs/bad-input.md to the table that is tested: the same rows in the same order, every number of the
// catalogue in a row or among those that do not apply, and every test that is named there.
func TestBadInputPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/bad-input.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testNames(t)
	var want []string
	for _, in := range inputs(t, &server{t: t}) {
		test := in.test
		if in.try != nil {
			test = "TestBadInput"
		}
		if !tests[test] {
			t.Errorf("%s names the test %q, which does not exist", in.name(), test)
		}
		want = append(want, fmt.Sprintf("| %s | %s | %s | `%s` |", in.id, in.what, in.answer, test))
	}
	if got := pageRow.FindAllString(string(page), -1); !slices.Equal(got, want) {
		t.Errorf("docs/bad-input.md does not have the rows that are tested, which are:\n%s", strings.Join(want, "\n"))
	}
	for letter, n := range map[string]int{"I": 70, "Q": 38, "A": 26, "W": 20, "F": 5, "C": 8} {
		for i := 1; i <= n; i++ {
			if id := fmt.Sprintf("%s%02d", letter, i); !bytes.Contains(page, []byte(id)) {
				t.Errorf("%s is not mentioned", id)
			}
		}
	}
}

// testNames are the tests of the repository.
func testNames(t *testing.T) map[string]bool {
	names := map[string]bool{}
	function := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "web" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, "storetest.go") && !strings.HasSuffix(path, "suite.go") {
			return nil
		}
		b, err := os.ReadFile(path)
		for _, m := range function.FindAllSubmatch(b, -1) {
			names[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// inputs is the whole table. It is built without a server as well: only the rows' try uses one.
func inputs(t testing.TB, s *server) []input {
	all := slices.Concat(bodyInputs(t), eventInputs(), repeatInputs(), wireInputs(s), connectionInputs(), keyInputs(), elsewhereInputs(), questionInputs(),
		rightsInputs(s), operateInputs())
	place := func(in input) string { return strconv.Itoa(strings.IndexByte(sections, in.id[0])) + in.id }
	slices.SortStableFunc(all, func(a, b input) int { return strings.Compare(place(a), place(b)) })
	return all
}

// isClosed tells that a connection was ended by the other side.
func isClosed(err error) bool {
	ne, timeout := err.(net.Error) //nolint:errorlint // reads of a connection return it as it is
	return err != nil && (!timeout || !ne.Timeout())
}
