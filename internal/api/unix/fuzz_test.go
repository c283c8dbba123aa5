package unix

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
	"countersign/internal/testkit/mutate"
)

// mutated is a door with people in every state, asked by hosts of every kind.
type mutated struct {
	*world
	trial mutate.Trial
}

func newMutated(t testing.TB, db flow.DB) *mutated {
	w := &mutated{world: newWorldOn(flowkit.New(t, db))}
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
	w.door.SignIn = mutate.DeniesAtOnce{Flow: w.SignIn, Now: w.Clock.Now}
	w.trial = mutate.Trial{Door: mutate.NewDoor(t, w.h), Now: w.Clock.Now, Read: read, Calm: func() {
		w.Clock.Advance(time.Minute)
		w.Status("ana", user.Active)
	}}
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
	txid := mutate.Field{Name: "txid", Good: []string{mutate.NoTxID}}
	factor := []mutate.Field{{Name: "factor", Good: []string{"push", "passcode", "sms", "phone"}, Rare: true}, {Name: "auto", Good: []string{"1", "2", "push1", "123456"}},
		{Name: "code", Good: []string{"123456", "123456789"}, Rare: true}, {Name: "phone", Good: []string{"phone1", "1"}, Rare: true},
		{Name: "async", Good: []string{"0", "1"}, Rare: true}, {Name: "pushinfo", Good: []string{"Server+IP=10.0.0.5&Command=rsync+%2Da%0A%1b[2J", "a=b"}}}
	senders := w.senders()
	add := func(share int, method, call string, fixed url.Values, fields ...mutate.Field) {
		for i, suffix := range []string{".bson", ".bson", ".json", ""} {
			d := &mutate.Dialect{Name: "legacy" + suffix, Call: call, Share: share, Method: method, Path: At + call + suffix, Host: apiHost, Bare: i%2 == 0, Fixed: fixed, Fields: fields, Senders: senders}
			w.trial.Dialects = append(w.trial.Dialects, d)
		}
	}
	add(20, "POST", "preauth", nil, name, ip, host, mutate.Field{Name: "failmode", Good: []string{"open", "closed"}})
	add(2, "POST", "auth", url.Values{"factor": {"auto"}, "async": {"1"}}, append([]mutate.Field{name, ip, host}, factor...)...)
	add(1, "GET", "status", nil, txid)
	add(1, "GET", "check", nil, host)
	add(1, "GET", "ping", nil, host)
}

// read takes an answer as its client does, in either encoding.
func read(r *mutate.Request, a mutate.Answer) error {
	if strings.HasSuffix(r.Dialect.Path, ".bson") {
		return readBSON(r.Dialect.Call, a)
	}
	return readJSON(r.Dialect.Call, a)
}

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
				newMutated(t, one.open(t)).trial.Run(t, m, func() bool { return one.raw })
			})
		})
	}
}

// FuzzPreauth tries whatever a host can be made to send. go test -fuzz FuzzPreauth ./internal/api/unix runs on.
func FuzzPreauth(f *testing.F) {
	newMutated(f, dbtest.SQLite(f)).trial.Fuzz(f, "user=ana&failmode=open", 4)
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
