package factor_test

import (
	"context"
	"testing"

	"countersign/internal/base/message"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

func TestEveryFactorSaysAllThatTheOthersRead(t *testing.T) {
	seen := map[string]bool{}
	once := func(what, name string) {
		if name == "" || seen[what+name] {
			t.Errorf("%s %q is missing or not alone", what, name)
		}
		seen[what+name] = true
	}
	for _, f := range factor.All() {
		once("name", f.Name)
		once("prefix", f.Prefix)
		once("log", f.Log)
		if f.Rings() == f.Takes() {
			t.Errorf("%s neither asks a device nor takes codes, or both", f.Name)
		}
		if bad := (policy.Policy{Methods: []string{f.Name}}).Invalid(); (bad == "") == f.Always {
			t.Errorf("a policy that allows %s alone: %q", f.Name, bad)
		}
		for _, key := range []string{f.Menu, f.Page.Row, f.Page.Hint, f.Page.Frame} {
			if key != "" && !message.Has(key) {
				t.Errorf("%s: no text %s", f.Name, key)
			}
		}
		if f.Takes() != message.Has("code.kind."+f.Page.Source) || f.Rings() != (f.Menu != "") || f.Rings() != (f.Page.Frame != "") || f.Page.Icon == "" || f.Page.Row == "" {
			t.Errorf("%s cannot be shown: %+v", f.Name, f.Page)
		}
		if factor.ByName(f.Name) != f || factor.Logged(f.Log) != f || f.LogNumber != "" && factor.Logged(f.LogNumber) != f {
			t.Errorf("%s is not found by its names", f.Name)
		}
	}
}

func TestANameThatIsNoFactorsIsWorthNothing(t *testing.T) {
	for _, name := range []string{"", "smoke", audit.FactorNone, audit.FactorRemembered, factor.Unmatched} {
		for _, f := range []*factor.Factor{factor.Logged(name), factor.ByName(name)} {
			if name == factor.Unmatched && f.Name == name {
				continue // the log's word for a code of any kind is also a policy's word for one kind
			}
			if f.Rings() || f.Takes() || f.Remembers || f.Recovers || f.Allowed(policy.Default) {
				t.Errorf("%q: %+v", name, f)
			}
		}
	}
}

// A request written by a node of the version before names no factor: it was the one there was.
func TestARequestIsOfTheFactorThatSentIt(t *testing.T) {
	for written, want := range map[string]string{"": audit.FactorPush, audit.FactorPush: audit.FactorPush, audit.FactorVerifiedPush: audit.FactorPush} {
		if f := factor.Asking(transaction.Transaction{Factor: written}); f.Log != want || !f.Rings() {
			t.Errorf("%q is of %q", written, f.Log)
		}
	}
}

// A newer node may send requests by a factor that this one does not know, and a row may be wrong: nobody is let in, and nothing
// breaks.
func TestARequestOfNoFactorThatAsksIsNeverReady(t *testing.T) {
	p := phone.Phone{ID: "DP1", KeyID: "k", Alerts: phone.AlertsOn, Subscription: []byte("s"), OTP: phone.OTP{Type: "hotp"}}
	for _, written := range []string{"smoke", audit.FactorAppPasscode, audit.FactorBypassCode, audit.FactorNone} {
		r := transaction.Transaction{Factor: written, PhoneID: "DP1", Number: "123"}
		f := factor.Asking(r)
		tried, err := f.Request.Wake(context.Background(), factor.Tools{}, p, r)
		if f.Request.Ready(p) || f.Request.Awake(p) || f.Request.Digits(policy.Default) != 0 || tried || err != nil {
			t.Errorf("%s: a request goes out, or is answered", written)
		}
		if f.Allowed(policy.Default) || f.Remembers || f.Recovers || f.Takes() || f.LogName(r.Number) != written {
			t.Errorf("%s: %+v", written, f)
		}
	}
}

// Whether a person can prove anything is asked of flow.Person; the ways themselves come from here. The two agree.
func TestAPersonCanProveExactlyWhenSomeFactorHasAWay(t *testing.T) {
	for name, p := range map[string]phone.Phone{
		"no app": {ID: "DP1", Number: "+15551234567"}, "an app": {ID: "DP1", KeyID: "k"},
		"an app with codes": {ID: "DP1", KeyID: "k", OTP: phone.OTP{Type: "hotp"}}, "codes without an app": {ID: "DP1", OTP: phone.OTP{Type: "hotp"}},
	} {
		phones := []phone.Phone{p}
		ways := factor.Ways(factor.Owner{User: user.User{ID: "DU1"}, Phones: phones, Policy: policy.Default})
		if can := (flow.Person{Phones: phones}).CanProve(); can != (len(ways) > 0) {
			t.Errorf("%s: %v, and the ways are %v", name, can, ways)
		}
	}
	whole := phone.Phone{ID: "DP1", KeyID: "k", OTP: phone.OTP{Type: "hotp"}}
	for _, methods := range [][]string{nil, {"smoke"}, {policy.MethodPush}, {policy.MethodPasscode}} {
		pol := policy.Policy{Methods: methods}
		ways := factor.Ways(factor.Owner{Phones: []phone.Phone{whole}, Policy: pol})
		if pol.AllowsApp() != (len(ways) > 0) {
			t.Errorf("%v: an app is worth pairing: %v, and the ways are %v", methods, pol.AllowsApp(), ways)
		}
	}
}
