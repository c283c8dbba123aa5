package signin_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

func TestARequestStartsByItselfAndItsApprovalSignsIn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		s := l.Session()
		if s.Transaction.State != transaction.Pending || len(s.Transaction.Number) != 3 || s.Transaction.Client != "Firefox on Linux" {
			k.Fatalf("on show: %+v", s.Transaction)
		}
		if got := p.Requests(); len(got) != 1 || got[0].NumberDigits != 3 || got[0].Kind != phonewire.KindSignin || got[0].ApplicationName != "Payroll" {
			k.Fatalf("the phone sees %+v", got)
		}
		if l.Session().Transaction.Fetched.IsZero() {
			k.Error("the page does not learn that the phone has it")
		}
		k.OK(p.Approve(s.Transaction))
		r, err := l.Enter()
		k.OK(err)
		last := k.Last("alice")
		if r.Login.Factor != audit.FactorVerifiedPush || last.Reason != audit.UserApproved || last.Factor != audit.FactorVerifiedPush {
			k.Errorf("%+v, logged %+v", r.Login, last)
		}
		if last.TxID != r.Login.TxID {
			k.Errorf("the application's name for the sign-in, %s, is not in the log, which says %s", r.Login.TxID, last.TxID)
		}
		if l.Row().ManageProof != (time.Time{}) {
			k.Error("a sign-in opened device management")
		}
	})
}

// RULE-12.
func TestWhatCountsAndWhatTheLogSays(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.FraudEmail = "desk@example.edu" })
		app := k.Application("Payroll")
		for _, c := range []struct {
			row, name string
			do        func(l *flowkit.Login, p *flowkit.Phone, t transaction.Transaction)
			result    audit.Result
			reason    string
			counts    int
		}{
			{"X-09", "mistake", func(_ *flowkit.Login, p *flowkit.Phone, t transaction.Transaction) {
				p.Send(p.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake }))
			}, audit.Denied, audit.UserMistake, 1},
			{"X-10", "fraud", func(_ *flowkit.Login, p *flowkit.Phone, t transaction.Transaction) {
				p.Send(p.Answer(t, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }))
			}, audit.Fraud, audit.UserMarkedFraud, 1},
			{"X-11", "timeout", func(*flowkit.Login, *flowkit.Phone, transaction.Transaction) {
				k.Clock.Advance(transaction.Life)
				k.OK(k.SignIn.Expire(context.Background()))
			}, audit.Denied, audit.NoResponse, 0},
			{"X-12", "number", func(_ *flowkit.Login, p *flowkit.Phone, t transaction.Transaction) {
				p.Send(p.Answer(t, phonewire.Approve, func(a *phonewire.Answer) { a.Number = other(t.Number) }))
			}, audit.Denied, audit.VerificationWrong, 1},
			{"X-14", "code", func(l *flowkit.Login, p *flowkit.Phone, _ transaction.Transaction) {
				k.Want(l.Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
			}, audit.Denied, audit.InvalidPasscode, 1},
		} {
			p := k.Enrolled(app, c.name)
			l := k.Begin(app, c.name)
			c.do(l, p, l.Session().Transaction)
			last := k.Last(c.name)
			if last.Result != c.result || last.Reason != c.reason {
				k.Errorf("%s: logged %s, %s", c.row, last.Result, last.Reason)
			}
			if got := k.Reload(c.name).Failures; got != c.counts {
				k.Errorf("%s: %d failures, want %d", c.row, got, c.counts)
			}
			if l.Stage() != login.Open {
				k.Errorf("%s: the sign-in is %s", c.row, l.Stage())
			}
			if mails := k.Mails(); c.row == "X-10" && (len(mails) != 1 || mails[0].Kind != "fraud_reported" || mails[0].To != "desk@example.edu") {
				k.Errorf("X-10: mails %+v", mails)
			}
		}
	})
}

// other gives a different number of the same length.
func other(n string) string {
	b := []byte(n)
	b[len(b)-1] = '0' + (b[len(b)-1]-'0'+1)%10
	return string(b)
}

// AC-011
func TestAC011OnlyTheRightNumberApprovesAndOnlyOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		numbered := func(t transaction.Transaction, n string) (string, error) {
			return p.Send(p.Answer(t, phonewire.Approve, func(a *phonewire.Answer) { a.Number = n }))
		}
		first, second := k.Begin(app, "alice"), k.Begin(app, "alice")
		a, b := first.Session().Transaction, second.Session().Transaction
		if a.Number == b.Number {
			k.Fatal("two open requests show one number")
		}
		if state, err := numbered(a, b.Number); err != nil || state != phonewire.StateWrongNumber {
			k.Errorf("the other request's number: %s, %v", state, err)
		}
		if state, err := numbered(a, a.Number); err != nil || state != phonewire.StateAlreadyAnswered {
			k.Errorf("the right number after a wrong one: %s, %v", state, err)
		}
		if first.Stage() != login.Open || second.Stage() != login.Open {
			k.Error("a wrong number let somebody in")
		}
		k.Clock.Advance(time.Second)
		if state, err := numbered(b, b.Number); err != nil || state != phonewire.StateApproved {
			k.Errorf("the right number: %s, %v", state, err)
		}
		if state, err := numbered(b, b.Number); err != nil || state != phonewire.StateAlreadyAnswered {
			k.Errorf("the right number twice: %s, %v", state, err)
		}
		l := k.Begin(app, "alice")
		if state, err := numbered(l.Session().Transaction, ""); err != nil || state != phonewire.StateWrongNumber {
			k.Errorf("no number: %s, %v", state, err)
		}
		for range 4 { // guessing on ends in a stop of requests
			l := k.Begin(app, "alice")
			if s := l.Session(); s.Transaction.ID != "" {
				numbered(s.Transaction, other(s.Transaction.Number))
			}
		}
		if _, err := k.Begin(app, "alice").Push(transaction.SignIn); !errors.Is(err, signin.ErrPushStorm) {
			k.Errorf("after five wrong numbers a request gives %v", err)
		}
		for range 4 {
			k.Want(k.Begin(app, "alice").Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		}
		if got := k.Reload("alice").Failures; got != 9 { // five numbers, four codes
			k.Errorf("numbers and codes count together: %d", got)
		}
	})
}

func TestTheNumberHasTheDigitsThatPolicySays(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for digits, want := range map[int]int{0: 3, 3: 3, 4: 4, 6: 6, policy.NumberEntryOff: 0} {
			app := k.Application("Payroll", func(a *application.Application) { a.Policy.NumberEntry = digits })
			name := "alice" + string(rune('a'+digits+1))
			k.Enrolled(app, name)
			if n := k.Begin(app, name).Session().Transaction.Number; len(n) != want {
				k.Errorf("%d digits asked for, the number is %q", digits, n)
			}
		}
	})
}

// AC-039, RULE-13
func TestAC039AStormOfRequestsIsStopped(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		apps := []application.Application{k.Application("Payroll"), k.Application("Library"), k.Application("Mail")}
		p := k.Enrolled(apps[0], "alice")
		p.Subscribe()
		k.Clock.Advance(11 * time.Minute)
		before := k.Doorbell.Rings()
		var last *flowkit.Login
		for i := range 30 {
			last = k.Begin(apps[i%3], "alice", from(i)) // rings by itself
			if i%2 == 0 {
				last.Push(transaction.SignIn)
			}
			for _, r := range p.Requests() {
				if i%3 == 0 {
					p.Send(p.Answer(k.Transaction(r.Transaction), phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake }))
				}
			}
			if open := len(p.Requests()); open > signin.MaxOpen {
				k.Fatalf("%d requests are open", open)
			}
			k.Clock.Advance(10 * time.Second)
			k.OK(k.SignIn.Expire(context.Background()))
		}
		delivered := func() int { return k.Doorbell.Rings() - before }
		k.Eventually("the rings to be through", func() bool { return delivered() >= 4 })
		if n := delivered(); n > signin.MaxMissed {
			k.Errorf("the phone rang %d times", n)
		}
		if _, err := last.Push(transaction.SignIn); !errors.Is(err, signin.ErrPushStorm) {
			k.Errorf("one more: %v", err)
		}
		k.Clock.Advance(24 * time.Hour) // waiting does not help
		l := k.Begin(apps[1], "alice")
		if _, err := l.Push(transaction.SignIn); !errors.Is(err, signin.ErrPushStorm) || l.Session().Transaction.ID != "" {
			k.Errorf("a day later: %v", err)
		}
		k.OK(l.Code(p.Code(), transaction.SignIn)) // another way does
		l = k.Begin(apps[1], "alice")
		if _, err := l.Push(transaction.SignIn); err != nil {
			k.Errorf("after another way succeeded: %v", err)
		}
	})
}

func TestNotMeStopsRequestsAtOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		_, err := p.Send(p.Answer(l.Session().Transaction, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Fraud }))
		k.OK(err)
		_, err = l.Push(transaction.SignIn)
		k.Want(err, signin.ErrPushStorm)
	})
}

func TestTheThirdOpenRequestIsRefusedButWhatWasFoundStaysWritten(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "alice")
		old := k.Begin(app, "alice").Session().Transaction
		k.Clock.Advance(59 * time.Second)
		k.Begin(app, "alice")
		third := k.Begin(app, "alice")
		if third.Session().Transaction.ID != "" {
			k.Fatal("three requests are open")
		}
		k.Clock.Advance(2 * time.Second)
		k.Begin(app, "alice") // takes the place of the one that ran out, without the sweeper
		if got := k.Transaction(old.ID).State; got != transaction.TimedOut {
			k.Errorf("the one that ran out is %s", got)
		}
		_, err := third.Push(transaction.SignIn)
		k.Want(err, signin.ErrPushLimit)
		if k.Count("alice", audit.NoResponse) != 1 {
			k.Error("a refused push took back the log row of another request")
		}
	})
}

func TestParallelRequestsKeepTheLimit(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		parallel(20, func(i int) error { _, err := k.TryBegin(app, "alice", from(i)); return err })
		open := p.Requests()
		if len(open) != signin.MaxOpen {
			k.Fatalf("%d are open", len(open))
		}
		if k.Transaction(open[0].Transaction).Number == k.Transaction(open[1].Transaction).Number {
			k.Error("they show one number")
		}
	})
}

// AC-034: what is taken away while a request is open is gone when it is answered.
func TestAC034WhatIsRevokedWhileARequestIsOpenLetsNobodyIn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for name, revoke := range map[string]func(app application.Application, p *flowkit.Phone){
			"disabled": func(_ application.Application, _ *flowkit.Phone) { k.Status("disabled", user.Disabled) },
			"trashed":  func(_ application.Application, _ *flowkit.Phone) { k.Status("trashed", user.PendingDeletion) },
			"locked": func(_ application.Application, p *flowkit.Phone) {
				k.Write(func(st flow.Store) error {
					_, err := st.LockOut(context.Background(), p.Row().UserID, k.Clock.Now())
					return err
				})
			},
			"left":    func(_ application.Application, p *flowkit.Phone) { k.OK(p.Leave()) },
			"appoff":  func(a application.Application, _ *flowkit.Phone) { a.Disabled = true; k.Save(a) },
			"appgone": func(a application.Application, _ *flowkit.Phone) { a.Deleted = k.Clock.Now(); k.Save(a) },
			"nopush":  func(a application.Application, _ *flowkit.Phone) { a.Policy.Methods = []string{"passcode"}; k.Save(a) },
			"policy": func(a application.Application, _ *flowkit.Phone) {
				a.Policy.Authentication = policy.AuthenticationDeny
				k.Save(a)
			},
		} {
			app := k.Application(name)
			p := k.Enrolled(app, name)
			l := k.Begin(app, name)
			tx := l.Session().Transaction
			revoke(app, p)
			state, _ := p.Send(p.Answer(tx, phonewire.Approve))
			if state == phonewire.StateApproved {
				k.Errorf("%s: the phone is told %q", name, state)
			}
			if got := l.Stage(); got != login.Open {
				k.Errorf("%s: the sign-in is %s", name, got)
			}
			if k.Transaction(tx.ID).State == transaction.Approved {
				k.Errorf("%s: the request is approved", name)
			}
			for _, row := range k.Log(name)[2:] { // after enrolling
				if row.Result == audit.Success {
					k.Errorf("%s: logged %+v", name, row)
				}
			}
			if _, err := l.Enter(); err == nil {
				k.Errorf("%s: let in", name)
			}
		}
	})
}

// A sign-in that ran out while its request is open: the phone learns so, and nothing stays half done.
func TestAnApprovalOfASignInThatRanOutIsOver(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.Clock.Advance(login.Life - 10*time.Second)
		k.OK(k.SignIn.Expire(context.Background()))
		tx, err := l.Push(transaction.SignIn)
		k.OK(err)
		k.Clock.Advance(20 * time.Second)
		state, err := p.Send(p.Answer(tx, phonewire.Approve))
		if err != nil || state != phonewire.StateExpired {
			k.Errorf("the phone is told %q, %v", state, err)
		}
		if got := k.Transaction(tx.ID).State; got != transaction.Cancelled {
			k.Errorf("the request is %s", got)
		}
	})
}

func TestApproveAndDenyAtOnceDecideOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1000 })
		p := k.Enrolled(app, "alice")
		for range 8 {
			l := k.Begin(app, "alice")
			tx := l.Session().Transaction
			if tx.ID == "" {
				k.OK(l.Code(p.Code(), transaction.SignIn))
				continue
			}
			yes := p.Answer(tx, phonewire.Approve)
			p.Counter-- // two tabs of one app sign with what they know
			no := p.Answer(tx, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake })
			p.Counter++
			var wg sync.WaitGroup
			for _, a := range []phonewire.Answer{yes, no} {
				wg.Go(func() { p.Send(a) })
			}
			wg.Go(func() { l.Code(p.Wrong(), transaction.SignIn) })
			wg.Wait()
			row, state := l.Row(), k.Transaction(tx.ID).State
			if (row.Stage == login.Allowed) != (state == transaction.Approved) {
				k.Fatalf("the request is %s and the sign-in %s", state, row.Stage)
			}
		}
	})
}

// Wait and wake.
func TestAWaitingPageLearnsOfTheAnswerAtOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		s := l.Session()
		learned := make(chan *signin.Progress, 1)
		go func() {
			now, err := k.SignIn.Wait(context.Background(), s.Login.ID, s.Login.Version)
			if err != nil {
				k.Error(err)
			}
			learned <- now
		}()
		k.OK(p.Approve(s.Transaction))
		select {
		case now := <-learned:
			if now.Stage != login.Allowed || now.Transaction.State != transaction.Approved {
				k.Errorf("the page learned %+v", now)
			}
		case <-time.After(15 * time.Second): // by itself it would look after twenty
			k.Error("the page did not learn of the answer")
		}
		s = l.Session()
		for _, after := range []time.Duration{0, 30 * time.Millisecond} { // also of a context that is over already
			ctx, cancel := context.WithTimeout(context.Background(), after)
			now, err := k.SignIn.Wait(ctx, s.Login.ID, s.Login.Version)
			cancel()
			if err != nil || now.Version != s.Login.Version || now.Stage != login.Allowed {
				k.Errorf("when its time is over a page learns %+v, %v", now, err)
			}
		}
	})
}

func TestAPageLearnsOfARequestThatRanOut(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		s := l.Session()
		k.Clock.Advance(transaction.Life - time.Microsecond)
		k.OK(k.SignIn.Expire(context.Background()))
		if got := k.Transaction(s.Transaction.ID).State; got != transaction.Pending {
			k.Fatalf("a request ran out too early: %s", got)
		}
		learned := make(chan *signin.Progress, 1)
		go func() {
			now, _ := k.SignIn.Wait(context.Background(), s.Login.ID, s.Login.Version)
			learned <- now
		}()
		k.Clock.Advance(time.Microsecond)
		k.OK(k.SignIn.Expire(context.Background()))
		select {
		case now := <-learned:
			if now.Transaction.State != transaction.TimedOut {
				k.Errorf("the page learned %+v", now)
			}
		case <-time.After(15 * time.Second):
			k.Error("the page learned nothing")
		}
	})
}

// One request that cannot be settled must not keep all others open.
func TestTheSweeperGoesOnPastARequestItCannotEnd(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "alice")
		tx := transaction.Transaction{ID: "11111111-1111-4111-8111-111111111111", UserID: k.User("bob").ID, ApplicationID: "DIGONE", PhoneID: "DPGONE",
			Purpose: transaction.SignIn, State: transaction.Pending, Created: k.Clock.Now(), Expires: k.Clock.Now()}
		k.Write(func(st flow.Store) error { return st.CreateTransaction(context.Background(), tx) })
		good := k.Begin(app, "alice").Session().Transaction
		k.Clock.Advance(2 * time.Minute)
		if err := k.SignIn.Expire(context.Background()); err == nil {
			k.Error("nobody hears of a request that cannot be ended")
		}
		if got := k.Transaction(good.ID).State; got != transaction.TimedOut {
			k.Errorf("the other request is %s", got)
		}
	})
}

func TestADeadSubscriptionIsForgottenAndThePageSaysSo(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		p.Subscribe()
		k.Doorbell.Err = errs.New(errs.Gone, "push.gone")
		l := k.Begin(app, "alice")
		k.Eventually("the page to learn that the phone cannot be woken", func() bool { return l.Session().Transaction.Unreachable })
		if row := p.Row(); row.Alerts != phone.AlertsDead || row.Subscription != nil {
			k.Errorf("alerts %s", row.Alerts)
		}
		if len(p.Requests()) != 1 {
			k.Error("the request is lost with the alert")
		}
	})
}
