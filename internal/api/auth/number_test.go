package auth

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/testkit/flowkit"
)

// AC-011: a number shown by a client belongs to one request.
func TestANumberOfPreauthStartsOneRequest(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		w := newWorldOn(k)
		p := w.person("alice")
		shown := func() answer {
			return w.ok("POST", "preauth", "username", "alice", "client_supports_verified_push", "1")
		}
		push := func(txid, host string) []string {
			return []string{"username", "alice", "factor", "push", "device", "auto", "async", "1", "txid", txid, "hostname", host}
		}
		a := shown()
		w.ok("POST", "auth", push(a.TxID, "db1")...)
		w.fails(40002, "txid", "POST", "auth", push(a.TxID, "db2")...)
		row := w.pending(p)
		if _, err := p.Send(p.Answer(row, phonewire.Approve, func(x *phonewire.Answer) { x.Number = other(row.Number) })); err != nil {
			t.Fatal(err)
		}
		w.fails(40002, "txid", "POST", "auth", push(a.TxID, "db3")...) // after a wrong number
		b := shown()
		sent := w.ok("POST", "auth", push(b.TxID, "db1")...)
		row = w.pending(p)
		if row.Number != b.Number || b.TxID == a.TxID {
			t.Errorf("the phone asks for %s, the client shows %s", row.Number, b.Number)
		}
		if _, err := p.Send(p.Answer(row, phonewire.Approve, func(x *phonewire.Answer) { x.Number = row.Number })); err != nil {
			t.Fatal(err)
		}
		if s := w.ok("GET", "auth_status", "txid", sent.TxID); s.Result != "allow" {
			t.Errorf("%+v", s)
		}
		w.fails(40002, "txid", "POST", "auth", push(b.TxID, "db4")...) // after the right one

		// A code typed beside the number leaves it good; another count of digits does not.
		c := shown()
		w.ok("POST", "auth", "username", "alice", "factor", "passcode", "passcode", p.Code(), "txid", c.TxID)
		w.policy(func(x *policy.Policy) { x.NumberEntry = 6 })
		w.fails(40002, "txid", "POST", "auth", push(c.TxID, "db5")...)
		if d := shown(); len(d.Number) != 6 {
			t.Errorf("%+v", d)
		}
		// Duo Unix sends the number along whatever is typed: a code is good beside one that is not good any more.
		for _, call := range [][]string{{"factor", "passcode", "passcode"}, {"factor", "prompt", "prompt"}} {
			for _, txid := range []string{b.TxID, c.TxID, "x"} {
				if a := w.ok("POST", "auth", append([]string{"username", "alice", "txid", txid}, append(call, p.Code())...)...); a.Result != "allow" {
					t.Errorf("%v beside %s: %+v", call, txid, a)
				}
			}
		}
		w.fails(40002, "txid", "POST", "auth", "username", "alice", "factor", "prompt", "prompt", "1", "txid", c.TxID)
	})
}

// AC-011: another spelling of a txid is no other txid.
func TestATxIDHasOneSpelling(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Policy.NumberEntry = 3 })
	w.person("alice")
	a := w.ok("POST", "preauth", "username", "alice", "client_supports_verified_push", "1")
	if a.TxID == "" {
		t.Fatalf("%+v", a)
	}
	call := []string{"username", "alice", "factor", "push", "device", "auto", "async", "1", "txid"}
	bare := strings.ReplaceAll(a.TxID, "-", "")
	for _, spelled := range []string{strings.ToUpper(a.TxID), bare, strings.ToUpper(bare), bare[:1] + "-" + bare[1:], a.TxID + "-", "-" + a.TxID, strings.Replace(a.TxID, "-", "", 1)} {
		w.fails(40002, "txid", "POST", "auth", append(call, spelled)...)
	}
	w.ok("POST", "auth", append(call, a.TxID)...)
	w.fails(40002, "txid", "POST", "auth", append(call, a.TxID, "hostname", "db1")...)
}

// The same call again, dated and letter by letter, is the same request (decision 0026); a second later it is another.
func TestADatedCallSentTwiceIsOneRequestAndTheNextIsAnother(t *testing.T) {
	w := newWorld(t, func(a *application.Application) { a.Policy.NumberEntry = policy.NumberEntryOff })
	p := w.person("alice")
	call := []string{"username", "alice", "factor", "push", "device", "auto", "async", "1", "ipaddr", "198.51.100.1"}
	one := w.ok("POST", "auth", call...)
	if two := w.ok("POST", "auth", call...); two.TxID != one.TxID {
		t.Error("a call sent twice is two requests")
	}
	w.Clock.Advance(time.Second)
	two := w.ok("POST", "auth", call...)
	if two.TxID == one.TxID || len(p.Requests()) != 2 {
		t.Error("another call a second later shares the request")
	}
	for _, r := range p.Requests() {
		if r.Transaction == one.TxID {
			w.OK(p.Approve(transaction.Transaction{ID: one.TxID, ApplicationID: w.app.ID, UserID: r.UserID, PhoneID: p.ID, Expires: time.UnixMilli(r.Expires)}))
		}
	}
	if s := w.ok("GET", "auth_status", "txid", one.TxID); s.Result != "allow" {
		t.Errorf("%+v", s)
	}
	if s := w.ok("GET", "auth_status", "txid", two.TxID); s.Result != "waiting" {
		t.Errorf("one approval opened both: %+v", s)
	}
}
