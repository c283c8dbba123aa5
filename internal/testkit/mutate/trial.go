package mutate

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/transaction"
	"countersign/internal/flow/signin"
)

// Trial asks a door by mutations and holds its answers against AC-019 and the clients' readers.
type Trial struct {
	Door     *Door
	Now      func() time.Time
	Dialects []*Dialect
	// Read takes an answer as strictly as the client of the request does.
	Read func(*Request, Answer) error
	// Calm lets the people in again whom wrong codes locked, after each 500 requests.
	Calm func()

	tickets []string
	by      map[string]int
}

// NoTicket is a txid that no door gave.
const NoTicket = "0c2f0b1e-7b1a-4c1e-8a1a-000000000000"

// results of preauth; all of them must come up.
var results = []string{"auth", "allow", "deny", "enroll"}

// In JSON, or after the length of a text in BSON.
var (
	resultIn = regexp.MustCompile(`(?s)result(?:":"|\x00.{4})(auth|allow|deny|enroll)["\x00]`)
	ticketIn = regexp.MustCompile(`(?s)txid(?:":"|\x00.{4})([0-9a-f-]{36})["\x00]`)
)

// Run makes requests while the mutator has more, raw says of what kind: whole bodies, or parameters only.
func (w *Trial) Run(t *testing.T, m *Mutator, raw func() bool) {
	t.Helper()
	for m.More() {
		w.next(t, m, raw())
		if t.Failed() {
			return
		}
		if m.Made%500 == 0 {
			w.Calm()
		}
	}
	for _, result := range results {
		if m.Made >= 1000 && w.by["result "+result] == 0 {
			t.Errorf("no preauth answered %q: the mutations show less than they should", result)
		}
	}
	t.Log(w.by)
}

// next makes one mutated request, with txids that the door gave, and judges its answer.
func (w *Trial) next(t *testing.T, m *Mutator, raw bool) {
	t.Helper()
	d := m.Pick(w.Dialects)
	for i, f := range d.Fields {
		if f.Name == "txid" && len(w.tickets) > 0 {
			d.Fields[i].Good = w.tickets
		}
	}
	request := m.Params
	if raw {
		request = m.Raw
	}
	w.judge(t, m, request(d, w.Now()))
}

func (w *Trial) judge(t *testing.T, m *Mutator, r *Request) {
	t.Helper()
	a, err := w.Door.Ask(m, r)
	if err == nil && !a.ByHTTP {
		err = w.Read(r, a)
	}
	if err != nil {
		t.Errorf("%v: %d %q: %v", r, a.Status, a.Body, err)
	}
	if w.by == nil {
		w.by = map[string]int{}
	}
	w.by[r.Dialect.Name+" "+r.Dialect.Call]++
	w.by[http.StatusText(a.Status)]++
	if found := resultIn.FindSubmatch(a.Body); found != nil && r.Dialect.Call == "preauth" {
		w.by["result "+string(found[1])]++
	}
	if found := ticketIn.FindSubmatch(a.Body); found != nil {
		w.tickets = append(w.tickets[max(0, len(w.tickets)-8):len(w.tickets):len(w.tickets)], string(found[1]))
	}
}

// Fuzz lets Go's fuzzer choose the body of a preauth, which is asked in the first dialects. form is one to begin with.
func (w *Trial) Fuzz(f *testing.F, form string, dialects int) {
	for seed := range uint64(16) {
		f.Add(seed, form, "")
	}
	f.Add(uint64(0), "{}", "application/json")
	f.Fuzz(func(t *testing.T, seed uint64, body, kind string) {
		if strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
			kind = "text/plain"
		}
		m := New(seed)
		r := m.Raw(w.Dialects[m.IntN(dialects)], w.Now())
		m.Carry(r, body, kind, w.Now())
		w.judge(t, m, r)
	})
}

// Hurried is a flow whose people say no at once, while they can: nothing waits for them.
type Hurried struct {
	*signin.Flow
	Now func() time.Time
}

// Watch answers a request that waits.
func (h Hurried) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	look, stop := context.WithCancel(ctx)
	stop()
	t, err := h.Flow.Watch(look, txID, applicationID)
	if err != nil || t.State != transaction.Pending || ctx.Err() != nil || !h.Now().Before(t.Expires) {
		return t, err
	}
	return h.Answer(ctx, txID, transaction.Denied, nil)
}
