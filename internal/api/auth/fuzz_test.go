package auth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
	"countersign/internal/testkit/mutate"
)

// hurried is a flow whose people say no at once: nothing waits for them.
type hurried struct {
	SignIn
	all *signin.Flow
}

func (h hurried) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	look, stop := context.WithCancel(ctx)
	stop()
	t, err := h.SignIn.Watch(look, txID, applicationID)
	if err != nil || t.State != transaction.Pending || ctx.Err() != nil {
		return t, err
	}
	return h.all.Answer(ctx, txID, transaction.Denied, nil)
}

// mutated is a door with people in every state, asked by clients of every kind.
type mutated struct {
	*world
	mutator *mutate.Mutator
	asked   *mutate.Door
	all     []*mutate.Dialect
	phone   string // alice's
	tickets []string
	by      map[string]int
}

// terminal is the dialect of Duo Unix from 2.2: text_prompt=1 and factor=prompt.
const terminal = "text_prompt"

var (
	apiSignatures = []mutate.Signature{{Version: duosign.V2, Digest: duosign.SHA1}, {Version: duosign.V2, Digest: duosign.SHA512},
		{Version: duosign.V4, Digest: duosign.SHA512}, {Version: duosign.V5, Digest: duosign.SHA512}}
	unixSignatures = append([]mutate.Signature{{Version: duosign.V1, Digest: duosign.SHA1}, {Version: duosign.V1, Digest: duosign.SHA512}}, apiSignatures...)
)

func newMutated(t testing.TB, db flow.DB, m *mutate.Mutator) *mutated {
	w := &mutated{world: newWorldOn(flowkit.New(t, db)), mutator: m, by: map[string]int{}, tickets: []string{"0c2f0b1e-7b1a-4c1e-8a1a-000000000000"}}
	w.phone = w.person("alice").ID
	for name, s := range map[string]user.Status{"bob": user.Active, "bert": user.Bypass, "dora": user.Disabled} {
		w.User(name)
		w.Status(name, s)
	}
	w.BypassCode("bob") // he has nothing else
	w.person("lena")
	for range 10 {
		w.send("POST", "auth", "username", "lena", "factor", "passcode", "passcode", "000000")
	}
	if w.Reload("lena").Status != user.LockedOut {
		t.Fatal("ten wrong codes lock nobody")
	}
	w.door.SignIn = hurried{w.SignIn, w.SignIn}
	w.asked = mutate.NewDoor(t, w.h)
	w.dialects()
	return w
}

// senders are applications of a type under different policies.
func (w *mutated) senders(kind application.Type, signatures []mutate.Signature) (all []mutate.Sender) {
	for name, p := range map[string]policy.Policy{"plain": {}, "allow": {NewUser: policy.NewUserAllow}, "deny": {NewUser: policy.NewUserDeny},
		"numbers": {NumberRequired: "on"}, "codes": {Methods: []string{policy.MethodPasscode}}} {
		a := w.Application(string(kind)+" "+name, func(a *application.Application) {
			a.Type, a.Policy, a.Secret = kind, p, w.Keys.Seal(application.SecretPurpose, a.ID, []byte(w.skey))
		})
		all = append(all, mutate.Sender{Key: a.ID, Secret: w.skey, Signatures: signatures})
	}
	slices.SortFunc(all, func(a, b mutate.Sender) int { return strings.Compare(a.Key, b.Key) })
	return all
}

func (w *mutated) dialects() {
	names := []string{"alice", "Alice ", "CORP\\alice", "bob", "bert", "dora", "lena", "stranger"}
	host := mutate.Field{Name: "hostname", Good: []string{"web1.example.edu"}}
	ip := mutate.Field{Name: "ipaddr", Good: []string{"192.0.2.7", "2001:db8::7"}}
	number := mutate.Field{Name: "client_supports_verified_push", Good: []string{"1"}}
	failmode := mutate.Field{Name: "failmode", Good: []string{"open", "closed"}}
	name := mutate.Field{Name: "username", Good: names}
	info := mutate.Field{Name: "pushinfo", Good: []string{"Server+IP=10.0.0.5&Command=rsync+%2Da%0A%1b[2J", "a=b"}}
	key := mutate.Field{Name: "user_id", Good: []string{w.Reload("alice").ID, "DU000000000000000000"}, Rare: true}
	txid := mutate.Field{Name: "txid", Good: w.tickets}
	factor := []mutate.Field{{Name: "factor", Good: []string{"auto", "push", "passcode", "prompt", "sms", "phone"}}, {Name: "device", Good: []string{"auto", w.phone}},
		{Name: "passcode", Good: []string{"123456", "123456789"}}, {Name: "prompt", Good: []string{"1", "2", "push1", "123456"}}, txid,
		{Name: "type", Good: []string{"Login request"}}, {Name: "display_username", Good: []string{"Alice A."}}, {Name: "async", Good: []string{"0", "1"}, Rare: true}}
	programs, hosts := w.senders(application.TypeAuthAPI, apiSignatures), w.senders(application.TypeUnix, unixSignatures)
	add := func(share int, dialect, method, call string, fixed url.Values, fields ...mutate.Field) {
		d := &mutate.Dialect{Name: dialect, Call: call, Share: share, Method: method, Path: At + call, Host: apiHost, Fixed: fixed, Fields: fields, Senders: programs}
		if dialect == terminal {
			d.Senders = hosts
		}
		w.all = append(w.all, d)
	}
	add(40, "plain", "POST", "preauth", nil, name, key, ip, host, number, failmode, mutate.Field{Name: "text_prompt", Good: []string{"0", "1"}}, mutate.Field{Name: "trusted_device_token", Good: []string{"x"}})
	add(40, terminal, "POST", "preauth", url.Values{"text_prompt": {"1"}}, name, ip, host, failmode, number)
	add(3, "plain", "POST", "auth", url.Values{"async": {"1"}}, append([]mutate.Field{name, key, ip, host, info}, factor...)...)
	add(3, terminal, "POST", "auth", url.Values{"async": {"1"}, "factor": {"prompt"}}, append([]mutate.Field{name, ip, host, info}, factor...)...)
	add(3, "plain", "GET", "auth_status", nil, txid)
	add(3, terminal, "GET", "auth_status", nil, txid)
	add(2, "plain", "GET", "check", nil, host)
	add(2, terminal, "GET", "ping", nil, host)
	add(2, "plain", "POST", "enroll", nil, name, mutate.Field{Name: "valid_secs", Good: []string{"1", "86400"}})
	add(2, "plain", "POST", "enroll_status", nil, mutate.Field{Name: "user_id", Good: key.Good}, mutate.Field{Name: "activation_code", Good: []string{"duo://x-y"}})
}

// next makes one mutated request and judges its answer.
func (w *mutated) next(t *testing.T) {
	t.Helper()
	d := w.mutator.Pick(w.all)
	for i, f := range d.Fields {
		if f.Name == "txid" {
			d.Fields[i].Good = w.tickets
		}
	}
	if w.mutator.OneIn(2) {
		w.judge(t, w.mutator, w.mutator.Raw(d, w.Clock.Now()))
	} else {
		w.judge(t, w.mutator, w.mutator.Params(d, w.Clock.Now()))
	}
}

// judge asks and holds the answer against AC-019 and the clients' readers.
func (w *mutated) judge(t *testing.T, m *mutate.Mutator, r *mutate.Request) {
	t.Helper()
	out, err := w.asked.Ask(m, r)
	w.by[r.Dialect.Name+" "+r.Dialect.Call]++
	w.by[http.StatusText(out.Status)]++
	for _, result := range results {
		if r.Dialect.Call == "preauth" && strings.Contains(string(out.Body), `"result":"`+result+`"`) {
			w.by["result "+result]++
		}
	}
	if err == nil && !out.ByHTTP {
		prompted := r.Form().Get("text_prompt") == "1" || strings.Contains(string(out.Body), `"prompt":`)
		err = answered(r.Dialect.Call, r.Dialect.Name == terminal && prompted, out.Status, out.Body)
	}
	if err != nil {
		t.Errorf("%v: %d %s: %v", r, out.Status, out.Body, err)
	}
	if _, after, found := strings.Cut(string(out.Body), `"txid":"`); found {
		w.tickets = append(w.tickets[max(0, len(w.tickets)-8):len(w.tickets):len(w.tickets)], after[:36])
	}
}

// results of preauth; all of them must come up.
var results = []string{"auth", "allow", "deny", "enroll"}

// A bounded share of AC-019 in every run. The long run is described in docs/mutations.md.
func TestMutationsOfTheAuthAPIAreAnsweredSoThatNoHostOpens(t *testing.T) {
	for _, one := range []struct {
		name  string
		count int
		open  func(testing.TB) flow.DB
	}{{"SQLite", 10_000, dbtest.SQLite}, {"PostgreSQL", 2000, dbtest.PostgreSQL}} {
		t.Run(one.name, func(t *testing.T) {
			mutate.Rounds(t, one.count, func(t *testing.T, m *mutate.Mutator) {
				w := newMutated(t, one.open(t), m)
				for m.More() {
					if w.next(t); t.Failed() {
						return
					}
					if m.Made%500 == 0 { // wrong codes lock people; somebody lets them in again
						w.Clock.Advance(time.Minute)
						w.Status("alice", user.Active)
						w.Status("bob", user.Active)
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

// FuzzPreauth runs on with go test -fuzz FuzzPreauth ./internal/api/auth.
func FuzzPreauth(f *testing.F) {
	for seed := range uint64(16) {
		f.Add(seed, "username=alice&text_prompt=1", "")
	}
	f.Add(uint64(0), "{}", "application/json")
	w := newMutated(f, dbtest.SQLite(f), nil)
	f.Fuzz(func(t *testing.T, seed uint64, body, kind string) {
		if strings.ContainsFunc(kind, func(r rune) bool { return r < ' ' || r > '~' }) {
			kind = "text/plain"
		}
		m := mutate.New(seed)
		r := m.Raw(w.all[m.IntN(2)], w.Clock.Now())
		m.Carry(r, body, kind, w.Clock.Now())
		w.judge(t, m, r)
	})
}
