package auth

import (
	"net/url"
	"slices"
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

// mutated is a door with people in every state, asked by clients of every kind.
type mutated struct {
	*world
	trial mutate.Trial
	phone string // alice's
}

// terminal is the dialect of Duo Unix from 2.2: text_prompt=1 and factor=prompt.
const terminal = "text_prompt"

var (
	apiSignatures = []mutate.Signature{{Version: duosign.V2, Digest: duosign.SHA1}, {Version: duosign.V2, Digest: duosign.SHA512},
		{Version: duosign.V4, Digest: duosign.SHA512}, {Version: duosign.V5, Digest: duosign.SHA512}}
	unixSignatures = append([]mutate.Signature{{Version: duosign.V1, Digest: duosign.SHA1}, {Version: duosign.V1, Digest: duosign.SHA512}}, apiSignatures...)
)

func newMutated(t testing.TB, db flow.DB) *mutated {
	w := &mutated{world: newWorldOn(flowkit.New(t, db))}
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
	w.door.SignIn = mutate.DeniesAtOnce{Flow: w.SignIn, Now: w.Clock.Now}
	w.trial = mutate.Trial{Door: mutate.NewDoor(t, w.h), Now: w.Clock.Now, Read: read, Calm: func() {
		w.Clock.Advance(time.Minute)
		w.Status("alice", user.Active)
		w.Status("bob", user.Active)
	}}
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
	txid := mutate.Field{Name: "txid", Good: []string{mutate.NoTxID}}
	factor := []mutate.Field{{Name: "factor", Good: []string{"auto", "push", "passcode", "prompt", "sms", "phone"}}, {Name: "device", Good: []string{"auto", w.phone}},
		{Name: "passcode", Good: []string{"123456", "123456789"}}, {Name: "prompt", Good: []string{"1", "2", "push1", "123456"}}, txid,
		{Name: "type", Good: []string{"Login request"}}, {Name: "display_username", Good: []string{"Alice A."}}, {Name: "async", Good: []string{"0", "1"}, Rare: true}}
	programs, hosts := w.senders(application.TypeAuthAPI, apiSignatures), w.senders(application.TypeUnix, unixSignatures)
	add := func(share int, dialect, method, call string, fixed url.Values, fields ...mutate.Field) {
		d := &mutate.Dialect{Name: dialect, Call: call, Share: share, Method: method, Path: At + call, Host: apiHost, Fixed: fixed, Fields: fields, Senders: programs}
		if dialect == terminal {
			d.Senders = hosts
		}
		w.trial.Dialects = append(w.trial.Dialects, d)
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

// read takes an answer as its client does: with a menu where it asked for one.
func read(r *mutate.Request, a mutate.Answer) error {
	prompted := r.Form().Get("text_prompt") == "1" || strings.Contains(string(a.Body), `"prompt":`)
	return answered(r.Dialect.Call, r.Dialect.Name == terminal && prompted, a.Status, a.Body)
}

// A bounded share of AC-019 in every run. The long run is described in docs/mutations.md.
func TestMutationsOfTheAuthAPIAreAnsweredSoThatNoHostOpens(t *testing.T) {
	for _, one := range []struct {
		name  string
		count int
		open  func(testing.TB) flow.DB
	}{{"SQLite", 10_000, dbtest.SQLite}, {"PostgreSQL", 2000, dbtest.PostgreSQL}} {
		t.Run(one.name, func(t *testing.T) {
			mutate.Rounds(t, one.count, func(t *testing.T, m *mutate.Mutator) {
				newMutated(t, one.open(t)).trial.Run(t, m, func() bool { return m.OneIn(2) })
			})
		})
	}
}

// FuzzPreauth runs on with go test -fuzz FuzzPreauth ./internal/api/auth.
func FuzzPreauth(f *testing.F) {
	newMutated(f, dbtest.SQLite(f)).trial.Fuzz(f, "username=alice&text_prompt=1", 2)
}
