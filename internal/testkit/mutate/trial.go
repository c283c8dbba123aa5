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

// Trial sends mutated requests to a door and checks the answers against AC-019 and with the readers of its clients.
type Trial struct {
	Door     *Door
	Now      func() time.Time
	Dialects []*Dialect
	// Read returns an error if the client of the request would not understand the answer.
	Read func(*Request, Answer) error
	// Calm unlocks the users that wrong codes locked. It is called after every 500 requests.
	Calm func()

	txids []string // the last ones that the door returned
	by    map[string]int
}

// NoTxID has the form of a txid, and no door returned it.
const NoTxID = "0c2f0b1e-7b1a-4c1e-8a1a-000000000000"

// results are the results of preauth. A long run must produce each of them.
var results = []string{"auth", "allow", "deny", "enroll"}

// These find a value in JSON, or in BSON, where the length of the text comes before it.
var (
	resultIn = regexp.MustCompile(`(?s)result(?:":"|\x00.{4})(auth|allow|deny|enroll)["\x00]`)
	txidIn   = regexp.MustCompile(`(?s)txid(?:":"|\x00.{4})([0-9a-f-]{36})["\x00]`)
)

// Run sends requests while m.More, and stops at the first failure. raw chooses for each request between Raw and
// Params.
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

// next sends one mutated request and judges its answer. A txid in it is often one that the door returned before.
func (w *Trial) next(t *testing.T, m *Mutator, raw bool) {
	t.Helper()
	d := m.Pick(w.Dialects)
	for i, f := range d.Fields {
		if f.Name == "txid" && len(w.txids) > 0 {
			d.Fields[i].Good = w.txids
		}
	}
	request := m.Params
	if raw {
		request = m.Raw
	}
	w.judge(t, m, request(d, w.Now()))
}

// judge sends a request, fails the test if its answer could let somebody in by mistake, and counts what was answered.
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
	if found := txidIn.FindSubmatch(a.Body); found != nil {
		w.txids = append(w.txids[max(0, len(w.txids)-8):len(w.txids):len(w.txids)], string(found[1]))
	}
}

// Fuzz lets Go's fuzzer choose the body and the content type of a call. It uses so many of the Dialects, from the
// first on. form is a valid body to begin with.
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

// DeniesAtOnce is a sign-in flow in which the person denies every request as soon as a door waits for it. Without
// that each request would take as long as the door waits.
type DeniesAtOnce struct {
	*signin.Flow
	Now func() time.Time
}

// Watch denies a pending request that has not expired and returns the result. It returns any other as it is.
func (f DeniesAtOnce) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	look, stop := context.WithCancel(ctx)
	stop()
	t, err := f.Flow.Watch(look, txID, applicationID)
	if err != nil || t.State != transaction.Pending || ctx.Err() != nil || !f.Now().Before(t.Expires) {
		return t, err
	}
	return f.Answer(ctx, txID, transaction.Denied, nil)
}
