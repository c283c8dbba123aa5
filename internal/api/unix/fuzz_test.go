package unix

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
	"countersign/internal/testkit/mutate"
)

// hurried is a flow whose people say no at once, while they can: nothing waits for them.
type hurried struct {
	SignIn
	now func() time.Time
}

func (h hurried) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	look, stop := context.WithCancel(ctx)
	stop()
	t, err := h.SignIn.Watch(look, txID, applicationID)
	if err != nil || t.State != transaction.Pending || ctx.Err() != nil || !h.now().Before(t.Expires) {
		return t, err
	}
	return h.Answer(ctx, txID, transaction.Denied, nil)
}

// mutated is a door with people in every state, asked by hosts of every kind.
type mutated struct {
	*world
	mutator *mutate.Mutator
	asked   *mutate.Door
	all     []*mutate.Dialect
	tickets []string
	by      map[string]int
}

func newMutated(t testing.TB, db flow.DB, m *mutate.Mutator) *mutated {
	w := &mutated{world: newWorldOn(flowkit.New(t, db)), mutator: m, by: map[string]int{}, tickets: []string{"0c2f0b1e-7b1a-4c1e-8a1a-000000000000"}}
	w.Enrolled(w.app, "ana")
	for name, s := range map[string]user.Status{"bert": user.Bypass, "dora": user.Disabled} {
		w.User(name)
		w.Status(name, s)
	}
	w.Enrolled(w.app, "lena")
	for range 10 {
		w.auth("lena", "000000", "0")
		w.Clock.Advance(time.Minute) // the same request at once would be a retry
	}
	if w.Reload("lena").Status != user.LockedOut {
		t.Fatal("ten wrong codes lock nobody")
	}
	w.door.SignIn = hurried{w.SignIn, w.Clock.Now}
	w.asked = mutate.NewDoor(t, w.h)
	w.dialects()
	return w
}

// senders are hosts under different policies, and the proxy.
func (w *mutated) senders() []mutate.Sender {
	signatures := []mutate.Signature{{Version: duosign.V1, Digest: duosign.SHA1}, {Version: duosign.V1, Digest: duosign.SHA1},
		{Version: duosign.V2, Digest: duosign.SHA512}, {Version: duosign.V5, Digest: duosign.SHA512}, {Version: duosign.V4, Digest: duosign.SHA512}}
	all := []mutate.Sender{{Key: w.app.ID, Secret: w.skey, Signatures: signatures}}
	for i, p := range []policy.Policy{{NewUser: policy.NewUserAllow}, {NewUser: policy.NewUserDeny}, {NumberRequired: "on"}, {Methods: []string{policy.MethodPasscode}}} {
		a := w.application(fmt.Sprint("host ", i), func(a *application.Application) { a.Policy = p })
		all = append(all, mutate.Sender{Key: a.ID, Secret: w.skey, Signatures: signatures})
	}
	proxy := w.application("proxy", func(a *application.Application) { a.Type, a.Options.Dateless = application.TypeAuthAPI, "on" })
	return append(all, mutate.Sender{Key: proxy.ID, Secret: w.skey, Signatures: signatures})
}

func (w *mutated) dialects() {
	host := mutate.Field{Name: "hostname", Good: []string{"web1.example.edu"}}
	ip := mutate.Field{Name: "ipaddr", Good: []string{"192.0.2.7", "2001:db8::7", "0.0.0.0"}}
	name := mutate.Field{Name: "user", Good: []string{"ana", "ANA ", "NORTH\\ana", "bert", "dora", "lena", "new"}}
	txid := mutate.Field{Name: "txid", Good: w.tickets}
	factor := []mutate.Field{{Name: "factor", Good: []string{"push", "passcode", "sms", "phone"}, Rare: true}, {Name: "auto", Good: []string{"1", "2", "push1", "123456"}},
		{Name: "code", Good: []string{"123456", "123456789"}, Rare: true}, {Name: "phone", Good: []string{"phone1", "1"}, Rare: true},
		{Name: "async", Good: []string{"0", "1"}, Rare: true}, {Name: "pushinfo", Good: []string{"Server+IP=10.0.0.5&Command=rsync+%2Da%0A%1b[2J", "a=b"}}}
	senders := w.senders()
	add := func(share int, method, call string, fixed url.Values, fields ...mutate.Field) {
		for i, suffix := range []string{".bson", ".bson", ".json", ""} {
			d := &mutate.Dialect{Name: "legacy", Call: call, Share: share, Method: method, Path: At + call + suffix, Host: apiHost, Bare: i%2 == 0, Fixed: fixed, Fields: fields, Senders: senders}
			w.all = append(w.all, d)
		}
	}
	add(20, "POST", "preauth", nil, name, ip, host, mutate.Field{Name: "failmode", Good: []string{"open", "closed"}})
	add(2, "POST", "auth", url.Values{"factor": {"auto"}, "async": {"1"}}, append([]mutate.Field{name, ip, host}, factor...)...)
	add(1, "GET", "status", nil, txid)
	add(1, "GET", "check", nil, host)
	add(1, "GET", "ping", nil, host)
}

// next makes one mutated request and judges its answer.
func (w *mutated) next(t *testing.T, raw bool) {
	t.Helper()
	d := w.mutator.Pick(w.all)
	if d.Call == "status" {
		d.Fields[0].Good = w.tickets
	}
	if raw {
		w.judge(t, w.mutator, w.mutator.Raw(d, w.Clock.Now()))
	} else {
		w.judge(t, w.mutator, w.mutator.Params(d, w.Clock.Now()))
	}
}

// judge asks and holds the answer against AC-019 and the clients' readers.
func (w *mutated) judge(t *testing.T, m *mutate.Mutator, r *mutate.Request) {
	t.Helper()
	out, err := w.asked.Ask(m, r)
	w.by[strings.TrimPrefix(r.Dialect.Path, At)]++
	w.by[http.StatusText(out.Status)]++
	for _, result := range results {
		if r.Dialect.Call == "preauth" && strings.Contains(string(out.Body), `"result":"`+result+`"`) || strings.Contains(string(out.Body), "result\x00"+string(rune(len(result)+1))+"\x00\x00\x00"+result+"\x00") {
			w.by["result "+result]++
		}
	}
	txID := ""
	switch {
	case err != nil || out.ByHTTP:
	case strings.HasSuffix(r.Dialect.Path, ".bson"):
		txID, err = readBSON(r.Dialect.Call, out)
	default:
		txID, err = readJSON(r.Dialect.Call, out)
	}
	if err != nil {
		t.Errorf("%v: %d %q: %v", r, out.Status, out.Body, err)
	}
	if txID != "" {
		w.tickets = append(w.tickets[max(0, len(w.tickets)-8):len(w.tickets):len(w.tickets)], txID)
	}
}

// results of preauth; all of them must come up.
var results = []string{"auth", "allow", "deny", "enroll"}

// A bounded share of AC-019 in every run. The long run is described in docs/mutations.md.
func TestMutationsOfTheLegacyAPIAreAnsweredSoThatNoHostOpens(t *testing.T) {
	for _, one := range []struct {
		name  string
		count int
		open  func(testing.TB) flow.DB
		raw   bool
	}{{"parameters", 5000, dbtest.SQLite, false}, {"bodies", 5000, dbtest.SQLite, true}, {"bodies on PostgreSQL", 1500, dbtest.PostgreSQL, true}} {
		t.Run(one.name, func(t *testing.T) {
			mutate.Rounds(t, one.count, func(t *testing.T, m *mutate.Mutator) {
				w := newMutated(t, one.open(t), m)
				for m.More() {
					if w.next(t, one.raw); t.Failed() {
						return
					}
					if m.Made%500 == 0 { // wrong codes lock people; somebody lets them in again
						w.Clock.Advance(time.Minute)
						w.Status("ana", user.Active)
					}
				}
				for _, result := range results {
					if m.Made >= 1000 && w.by["result "+result] == 0 {
						t.Errorf("no preauth answered %q: the mutations show less than they should", result)
					}
				}
				t.Log(w.by)
			})
		})
	}
}

// FuzzPreauth tries whatever a host can be made to send. go test -fuzz FuzzPreauth ./internal/api/unix runs on.
func FuzzPreauth(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, "user=ana&failmode=open", "")
	}
	f.Add(uint64(0), "{}", "application/json")
	w := newMutated(f, dbtest.SQLite(f), nil)
	f.Fuzz(func(t *testing.T, seed uint64, body, kind string) {
		if strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
			kind = "text/plain"
		}
		m := mutate.New(seed)
		r := m.Raw(w.all[m.IntN(4)], w.Clock.Now())
		m.Carry(r, body, kind, w.Clock.Now())
		w.judge(t, m, r)
	})
}

// FuzzUnderstand holds the strict reader against the encoder: what one writes, the other reads back.
func FuzzUnderstand(f *testing.F) {
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, prompt, factor string) {
		body := document{{"stat", "OK"}, {"response", document{{"result", "auth"}, {"prompt", prompt}, {"factors", document{{"default", factor}}}}}}.bson()
		out, err := understand(body, "preauth")
		if err != nil || out.prompt != noNUL(prompt) || out.factors["default"] != noNUL(factor) {
			t.Errorf("%q %q: %+v %v", prompt, factor, out, err)
		}
		for cut := range body {
			if _, err := understand(body[:cut], "preauth"); err == nil {
				t.Fatalf("%d of %d bytes were understood", cut, len(body))
			}
		}
	})
}
