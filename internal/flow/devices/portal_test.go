package devices_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// Each change is run again after a rollback, as PostgreSQL asks for after a lost race: every step of every walk
// ends as if it had been run once.
func TestEveryJourneyBearsThatItsChangesRunTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		k := flowkit.New(t, flowkit.Twice{DB: db})
		ctx := context.Background()
		app := k.Application("Payroll")
		app.Policy.Spare = policy.SpareOff
		k.Save(app)
		k.User("alice")
		l, p := k.EnrolFirst(app, "alice")
		k.OK(p.Approve(l.Session().Transaction))
		_, err := l.Enter()
		k.OK(err)
		if m := k.Mails(); len(m) != 1 {
			k.Errorf("%d mails about one phone", len(m))
		}
		l = k.Begin(app, "alice")
		k.Want(l.Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		if f := k.Reload("alice").Failures; f != 1 {
			k.Errorf("%d failures after one", f)
		}
		k.OK(l.Code(p.Code(), transaction.SignIn))
		_, err = l.Enter()
		k.OK(err)
		l = k.Begin(app, "alice")
		tx, err := l.Push(transaction.SignIn)
		k.OK(err)
		if o, err := p.Send(p.Answer(tx, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake })); err != nil || o != phonewire.StateDenied {
			k.Errorf("%s, %v", o, err)
		}
		if u := k.Reload("alice"); u.Failures != 1 || u.PushMisses != 1 {
			k.Errorf("%+v", u)
		}
		l = k.Begin(app, "alice")
		k.OK(l.Code(k.BypassCode("alice"), transaction.SignIn))
		cookie, err := l.Portal()
		k.OK(err)
		v := k.View(cookie)
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		if _, err := k.Claim(k.PairPortal(v, p.ID).Link); err == nil {
			k.Error("a second change with one code of the help desk")
		}
		v = k.View(k.Prove(app, "alice", second))
		_, err = k.Claim(k.PairPortal(v, p.ID).Link)
		k.OK(err)
		k.OK(k.Devices.Rename(ctx, v, p.ID, "Old"))
		k.OK(k.Devices.Remove(ctx, v, second.ID))
		k.OK(k.Devices.End(ctx, v))
		phones, err := k.DB.Read().PhonesOf(ctx, v.User.ID)
		k.OK(err)
		if len(phones) != 1 || phones[0].ID != p.ID {
			k.Errorf("%+v", phones)
		}
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 2 })
		l = k.Begin(app, "alice")
		k.Want(l.Code("1", transaction.SignIn), signin.ErrCodeWrong)
		k.Want(l.Code("1", transaction.SignIn), user.ErrLocked)
		if u := k.Reload("alice"); u.Status != user.LockedOut || k.Count("alice", audit.InvalidPasscode) != 3 {
			k.Errorf("%+v", u)
		}
	})
}

// Everything about one person at once: no deadlock, no internal error, and the limits hold.
func TestEverythingAtOnceNeverBreaks(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 100000 })
		app := k.Application("Payroll")
		v, _, p := k.Manager(app, "alice")
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		var mu sync.Mutex // the phone signs one answer after another, as an app does
		check := func(what string, err error) {
			if err == nil {
				return
			}
			if e := errs.Of(err); e.Kind == errs.Internal || e.Kind == errs.Unavailable {
				k.Errorf("%s: %v", what, err)
			}
		}
		var all sync.WaitGroup
		for w := range 8 {
			all.Go(func() {
				r := rand.New(rand.NewPCG(uint64(w), 1))
				for range 25 {
					l, err := k.TryBegin(app, "alice")
					check("begin", err)
					if err != nil {
						continue
					}
					switch r.IntN(6) {
					case 0:
						_, err := l.Push(transaction.SignIn)
						check("push", err)
					case 1:
						check("code", l.Code("123456", transaction.SignIn))
					case 2:
						for _, q := range p.Requests() {
							mu.Lock()
							_, err := p.Send(p.Answer(k.Transaction(q.Transaction), phonewire.Approve))
							mu.Unlock()
							check("approve", err)
						}
					case 3:
						k.Clock.Advance(transaction.Life)
						check("expire", k.SignIn.Expire(ctx))
					case 4:
						check("rename", k.Devices.Rename(ctx, v, second.ID, "X"))
					case 5:
						mu.Lock()
						code := second.Code()
						mu.Unlock()
						check("manage", l.Code(code, transaction.Manage))
						if _, err := l.Portal(); err != nil {
							check("portal", err)
						}
					}
					if _, err := l.Enter(); err != nil {
						check("enter", err)
					}
					open, _, err := k.DB.Read().CountTransactions(ctx, p.Account.UserID, k.Clock.Now())
					if err != nil || open > signin.MaxOpen {
						k.Errorf("%d open, %v", open, err)
					}
				}
			})
		}
		all.Wait()
	})
}
