package signin_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// attempt is one at a door without a browser, whose caller keeps a token.
func attempt(k *flowkit.Kit, app application.Application, name string) signin.Attempt {
	k.Helper()
	r := signin.Request{Application: app, Username: name, IP: flowkit.Address(1), Proving: true}
	g, err := k.SignIn.Preauth(context.Background(), r)
	k.OK(err)
	return signin.Attempt{Gate: g, Request: r, Keep: "laptop-7"}
}

// sent sends its request, lets answer do the rest, and gives what may be kept.
func sent(k *flowkit.Kit, a signin.Attempt, p *flowkit.Phone, answer func(transaction.Transaction)) secret.Text {
	k.Helper()
	t, err := k.SignIn.Send(context.Background(), a, "push:"+p.ID)
	k.OK(err)
	if !k.SignIn.Token(context.Background(), t).Empty() {
		k.Error("a token before the answer")
	}
	answer(t)
	return k.SignIn.Token(context.Background(), k.Transaction(t.ID))
}

func keptToken(k *flowkit.Kit, app application.Application, name string, p *flowkit.Phone) secret.Text {
	k.Helper()
	token := sent(k, attempt(k, app, name), p, func(t transaction.Transaction) { k.OK(p.Approve(t)) })
	if token.Empty() {
		k.Fatalf("%s may keep nothing", name)
	}
	return token
}

// present opens a sign-in with a token.
func present(k *flowkit.Kit, app application.Application, name string, token secret.Text) signin.Gate {
	k.Helper()
	g, err := k.SignIn.Preauth(context.Background(), signin.Request{Application: app, Username: name, IP: flowkit.Address(2), Remembered: token})
	k.OK(err)
	return g
}

// N-01: what an allowed sign-in gave opens the next one of the same person at the same application, and is logged as
// what it is. It proves nothing by itself.
func TestATokenOpensTheNextSignInOfItsPersonAtItsApplication(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, other := remembering(k, "VPN"), remembering(k, "Vault")
		p := k.Enrolled(app, "ana")
		k.Enrolled(app, "bob")
		token := keptToken(k, app, "ana", p)
		if g := present(k, app, "ana", token); g.Outcome != signin.OutcomeAllow || g.Reason != audit.RememberedDevice {
			t.Fatalf("%s %s", g.Outcome, g.Reason)
		}
		if last := k.Last("ana"); last.Result != audit.Success || last.Factor != "remembered_device" || last.Reason != "remembered_device" || last.TxID == "" {
			t.Errorf("log: %+v", last)
		}
		for what, g := range map[string]signin.Gate{
			"another user":        present(k, app, "bob", token),
			"another application": present(k, other, "ana", token),
			"another token":       present(k, app, "ana", secret.NewText(token.Reveal()+"x")),
			"no token":            present(k, app, "ana", secret.Text{}),
			"a browser's cookie":  present(k, app, "ana", kept(k, app, "ana", p)),
		} {
			if g.Outcome != signin.OutcomeChallenge {
				t.Errorf("%s: %s %s", what, g.Outcome, g.Reason)
			}
		}
		if again(k, app, "ana", token).Stage() != login.Open {
			t.Error("a browser passes by the token of a program")
		}
		r := signin.Request{Application: app, Username: "ana", Remembered: token, Proving: true}
		if g, err := k.SignIn.Preauth(context.Background(), r); err != nil || g.Outcome != signin.OutcomeChallenge {
			t.Errorf("in place of a proof: %s, %v", g.Outcome, err)
		}
		k.Status("ana", user.Disabled)
		if g := present(k, app, "ana", token); g.Outcome != signin.OutcomeDeny {
			t.Errorf("disabled: %s", g.Outcome)
		}
	})
}

// RULE-15: a code of the own app keeps as well, a code of the help desk never; nor does anything where policy
// remembers nothing by the time of the answer.
func TestATokenIsMadeByAProofOfAnOwnPhoneOnly(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		plain, app := k.Application("Plain"), remembering(k, "VPN")
		p := k.Enrolled(app, "ana")
		for _, c := range []struct {
			what  string
			app   application.Application
			code  string
			told  bool
			keep  string
			token bool
		}{
			{"a code of the app", app, p.Code(), true, "laptop", true},
			{"a code of the app, asked about later", app, p.Code(), false, "laptop", true},
			{"where policy remembers nothing", plain, p.Code(), true, "laptop", false},
			{"for a caller that keeps nothing", app, p.Code(), true, "", false},
			{"a wrong code", app, p.Wrong(), true, "laptop", false},
			{"a code of the help desk", app, k.BypassCode("ana"), true, "laptop", false},
			{"a code of the help desk, asked about later", app, k.BypassCode("ana"), false, "laptop", false},
		} {
			a := attempt(k, c.app, "ana")
			a.InCall, a.Keep = c.told, c.keep
			decided, err := k.SignIn.Prove(ctx, a, c.code)
			k.OK(err)
			if !c.told {
				decided = k.Transaction(decided.ID)
			}
			if got := !k.SignIn.Token(ctx, decided).Empty(); got != c.token {
				t.Errorf("%s: a token %v", c.what, got)
			}
		}
		for what, answer := range map[string]func(transaction.Transaction){
			"denied": func(tx transaction.Transaction) { _, _ = p.Send(p.Answer(tx, phonewire.Deny)) },
			"policy off meanwhile": func(tx transaction.Transaction) {
				off := policy.RememberOff
				_, err := k.Directory.SetApplication(ctx, directory.CommandLine, app.ID, directory.ApplicationChange{Policy: directory.PolicyChange{RememberDays: &off}})
				k.OK(err)
				k.OK(p.Approve(tx))
			},
		} {
			if a := attempt(k, app, "ana"); !sent(k, a, p, answer).Empty() {
				t.Errorf("%s: a token", what)
			}
		}
	})
}

// A caller may ask again, and what was forgotten stays so.
func TestATokenIsToldAgainUntilItIsForgotten(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := remembering(k, "VPN")
		k.Rewire(func(n *flowkit.Needs) { n.SignIn.DB = flow.PartOf[signin.Store](flowkit.Twice{DB: k.DB}) })
		p := k.Enrolled(app, "ana")
		var tx transaction.Transaction
		token := sent(k, attempt(k, app, "ana"), p, func(t transaction.Transaction) { tx = t; k.OK(p.Approve(t)) })
		tx = k.Transaction(tx.ID)
		if token.Empty() || k.SignIn.Token(ctx, tx) != token || present(k, app, "ana", token).Outcome != signin.OutcomeAllow {
			t.Fatal("the token is not the same, or not good")
		}
		v := k.View(k.Prove(app, "ana", p))
		list, err := k.Devices.Browsers(ctx, v, func(string) secret.Text { return secret.Text{} })
		k.OK(err)
		if len(list) != 1 || list[0].Name != "laptop-7" || list[0].Application != "VPN" || list[0].Here {
			t.Fatalf("the person reads %+v", list)
		}
		k.OK(k.Devices.ForgetBrowser(ctx, v, list[0].ID))
		if !k.SignIn.Token(ctx, tx).Empty() || present(k, app, "ana", token).Outcome != signin.OutcomeChallenge {
			t.Error("forgotten, and still good")
		}
	})
}

// Who learns of an old attempt later learns no way in.
func TestATokenIsToldForTenMinutes(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := remembering(k, "VPN")
		p := k.Enrolled(app, "ana")
		var tx transaction.Transaction
		token := sent(k, attempt(k, app, "ana"), p, func(t transaction.Transaction) { k.Clock.Advance(30 * time.Second); k.OK(p.Approve(t)); tx = t })
		for _, one := range []struct {
			later time.Duration
			told  bool
		}{{10 * time.Minute, true}, {time.Second, false}, {20 * time.Hour, false}} {
			k.Clock.Advance(one.later)
			if got := k.SignIn.Token(context.Background(), k.Transaction(tx.ID)); got.Empty() == one.told {
				t.Errorf("%v later: told %v", one.later, !got.Empty())
			}
		}
		if present(k, app, "ana", token).Outcome != signin.OutcomeAllow {
			t.Error("who heard it in time cannot use it")
		}
	})
}

func TestAProgramThatThrowsItsTokensAwayMakesNoEndlessList(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, other := remembering(k, "VPN"), remembering(k, "Vault")
		p := k.Enrolled(app, "ana")
		used, elsewhere := keptToken(k, app, "ana", p), keptToken(k, other, "ana", p)
		var latest secret.Text
		for n := range 25 {
			k.Clock.Advance(1e9)
			if g := present(k, app, "ana", used); g.Outcome != signin.OutcomeAllow {
				t.Fatalf("the one in use is gone after %d", n)
			}
			k.Clock.Advance(1e9)
			latest = keptToken(k, app, "ana", p)
		}
		rows, err := k.DB.Read().BrowsersOf(context.Background(), k.Reload("ana").ID)
		k.OK(err)
		if len(rows) != 21 {
			t.Errorf("%d are listed", len(rows))
		}
		for what, g := range map[string]signin.Gate{"latest": present(k, app, "ana", latest), "of another application": present(k, other, "ana", elsewhere)} {
			if g.Outcome != signin.OutcomeAllow {
				t.Errorf("%s: %s", what, fmt.Sprint(g.Outcome))
			}
		}
	})
}
