package devices_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/base/secret"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/devices"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// verbs are all that changes somebody's devices. Each gives an error when it was refused.
var verbs = map[string]func(k *flowkit.Kit, v devices.View, phoneID string) error{
	"rename": func(k *flowkit.Kit, v devices.View, id string) error {
		return k.Devices.Rename(context.Background(), v, id, "Stolen")
	},
	"remove": func(k *flowkit.Kit, v devices.View, id string) error {
		return k.Devices.Remove(context.Background(), v, id)
	},
	"add": func(k *flowkit.Kit, v devices.View, _ string) error {
		return claim(k, v, enroll.Subject{Purpose: activation.Add, UserID: v.User.ID})
	},
	"reactivate": func(k *flowkit.Kit, v devices.View, id string) error {
		return claim(k, v, enroll.Subject{Purpose: activation.Reactivate, UserID: v.User.ID, PhoneID: id})
	},
}

// claim goes straight to the code, past the page that asks MayPair.
func claim(k *flowkit.Kit, v devices.View, s enroll.Subject) error {
	p, err := k.Enroll.Pair(context.Background(), enroll.Owner{SessionID: v.Session.ID}, s)
	if err != nil {
		return err
	}
	_, err = k.Claim(p.Link)
	return err
}

// state is the user's devices and keys as the database has them.
func state(k *flowkit.Kit, userID string) string {
	phones, err := k.DB.Read().PhonesOf(context.Background(), userID)
	k.OK(err)
	for i := range phones {
		phones[i].LastSeen, phones[i].LastUsed = time.Time{}, time.Time{}
	}
	b, err := json.Marshal(phones)
	k.OK(err)
	return string(b)
}

// AC-001
func TestAC001OnlyAFreshProofMadeForItChangesDevices(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		for _, c := range []struct {
			name string
			view func(name string, v devices.View) devices.View // what becomes of the view of a fresh proof
		}{
			{"nosession", func(_ string, v devices.View) devices.View {
				v.Session = session.Session{ID: "DSNONE", UserID: v.User.ID, Proved: k.Clock.Now(), ChangesLeft: session.Unlimited}
				return v
			}},
			{"empty", func(_ string, v devices.View) devices.View { return devices.View{User: v.User} }},
			{"oldproof", func(_ string, v devices.View) devices.View { k.Clock.Advance(session.ProofLife); return v }},
			{"ended", func(_ string, v devices.View) devices.View { k.OK(k.Devices.End(context.Background(), v)); return v }},
			{"endedbyanother", func(name string, v devices.View) devices.View {
				k.Write(func(st flow.Store) error { return st.EndSessions(context.Background(), v.User.ID, "") })
				return v
			}},
			{"other", func(name string, v devices.View) devices.View {
				mallory, _, _ := k.Manager(app, "mallory"+name)
				mallory.User = v.User // as if a page mixed two people up
				return mallory
			}},
			{"disabled", func(name string, v devices.View) devices.View { k.Status(name, user.Disabled); return v }},
			{"locked", func(_ string, v devices.View) devices.View {
				k.Write(func(st flow.Store) error {
					_, err := st.LockOut(context.Background(), v.User.ID, k.Clock.Now())
					return err
				})
				return v
			}},
		} {
			for verb, do := range verbs {
				name := c.name + verb
				v, _, p := k.Manager(app, name)
				_, err := k.Claim(k.PairPortal(v, "").Link) // a second one, so that removing is not refused as the last
				k.OK(err)
				before := state(k, v.User.ID)
				if err := do(k, c.view(name, v), p.ID); err == nil {
					k.Errorf("%s: %s went through", c.name, verb)
				}
				if state(k, v.User.ID) != before {
					k.Errorf("%s: %s changed the devices", c.name, verb)
				}
			}
		}
		for verb, do := range verbs { // and with the proof each goes through
			name := "good" + verb
			v, _, p := k.Manager(app, name)
			_, err := k.Claim(k.PairPortal(v, "").Link)
			k.OK(err)
			if err := do(k, v, p.ID); err != nil {
				k.Errorf("%s: %v", verb, err)
			}
		}
	})
}

// AC-001: somebody else's phone is no phone at all.
func TestAC001NobodyTouchesAnotherPersonsPhone(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		v, _, _ := k.Manager(app, "mallory")
		_, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		alice := k.Reload("alice")
		before := state(k, alice.ID)
		for verb, do := range verbs {
			if verb == "add" {
				continue
			}
			if err := do(k, v, p.ID); err == nil {
				k.Errorf("%s went through", verb)
			}
		}
		for _, s := range []enroll.Subject{{Purpose: activation.Add, UserID: alice.ID}, {Purpose: activation.Reactivate, UserID: alice.ID, PhoneID: p.ID}} {
			if err := claim(k, v, s); err == nil {
				k.Errorf("%+v went through", s)
			}
		}
		if state(k, alice.ID) != before {
			k.Error("alice's devices changed")
		}
	})
}

// AC-001: what opens the portal, and what does not.
func TestAC001ThePortalOpensByAProofMadeForItAndTakenOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		refused := func(what string, l *flowkit.Login) {
			k.Helper()
			if _, err := l.Portal(); !errors.Is(err, session.ErrProof) {
				k.Errorf("%s: %v", what, err)
			}
		}
		l := k.Begin(app, "alice")
		refused("a password alone", l)
		k.OK(l.Code(p.Code(), transaction.SignIn))
		refused("a sign-in", l)
		ask := func() (*flowkit.Login, transaction.Transaction) {
			l := k.Begin(app, "alice")
			tx, err := l.Push(transaction.Manage)
			k.OK(err)
			refused("a request that waits", l)
			return l, tx
		}
		l, tx := ask()
		p.Send(p.Answer(tx, phonewire.Deny, func(a *phonewire.Answer) { a.Reason = phonewire.Mistake }))
		refused("a denied request", l)
		l, _ = ask()
		k.Clock.Advance(transaction.Life)
		k.OK(k.SignIn.Expire(context.Background()))
		refused("a request that ran out", l)
		k.Want(l.Code(p.Wrong(), transaction.Manage), signin.ErrCodeWrong)
		refused("a wrong code", l)

		l, tx = ask()
		k.OK(p.Approve(tx))
		if l.Stage() != login.Allowed {
			k.Error("the proof did not complete the sign-in") // RULE-5
		}
		other := k.Begin(app, "alice")
		refused("another sign-in's proof", other)
		_, err := l.Portal()
		k.OK(err)
		refused("a proof that was taken", l)

		l, tx = ask()
		k.OK(p.Approve(tx))
		k.Clock.Advance(session.ProofLife)
		refused("a proof of ten minutes ago", l)

		l, tx = ask()
		k.OK(p.Approve(tx))
		if _, err := l.Finish(); err != nil {
			k.Fatal(err)
		}
		refused("a sign-in that is finished", l)

		l, tx = ask()
		k.OK(p.Approve(tx))
		off := app
		off.SelfService = false
		k.Save(off)
		if _, err := l.Portal(); !errors.Is(err, devices.ErrOff) {
			k.Errorf("self-service off: %v", err)
		}
		k.Save(app)
		if ok := race(20, func() error { _, err := l.Portal(); return err }); ok != 1 {
			k.Errorf("one proof opened %d sessions", ok)
		}
		l, tx = ask()
		k.OK(p.Approve(tx))
		k.Status("alice", user.Disabled)
		if _, err := l.Portal(); err == nil {
			k.Error("a disabled user opens the portal")
		}
	})
}

func race(n int, f func() error) int {
	var ok atomic.Int64
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			if f() == nil {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	return int(ok.Load())
}

// AC-001, RULE-5: a code from the help desk opens one addition or reactivation and no removal.
func TestAC001AProofByBypassCodeAllowsOneAdditionOrReactivation(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		enter := func(name string, purpose transaction.Purpose) (devices.View, *flowkit.Phone) {
			v, _, first := k.Manager(app, name)
			_, err := k.Claim(k.PairPortal(v, "").Link)
			k.OK(err)
			l := k.Begin(app, name)
			k.OK(l.Code(k.BypassCode(name), purpose))
			if got := l.Step().Kind; got != signin.Recover {
				k.Errorf("%s: the new-phone offer is %v", name, got) // RULE-38
			}
			cookie, err := l.Portal()
			k.OK(err)
			return k.View(cookie), first
		}
		for _, purpose := range []transaction.Purpose{transaction.Manage, transaction.SignIn} {
			v, first := enter("alice"+string(purpose), purpose)
			k.Want(k.Devices.Remove(context.Background(), v, first.ID), devices.ErrBypass)
			k.OK(k.Devices.MayPair(v))
			codes := []string{k.PairPortal(v, "").Link, k.PairPortal(v, first.ID).Link} // two pages open at once
			ok := 0
			for _, c := range codes {
				if _, err := k.Claim(c); err == nil {
					ok++
				}
			}
			if ok != 1 {
				k.Errorf("%d changes went through", ok)
			}
			phones, err := k.Devices.Phones(context.Background(), v)
			k.OK(err)
			if len(phones) != 3 {
				k.Errorf("%d phones", len(phones))
			}
			k.Want(k.Devices.Remove(context.Background(), v, first.ID), devices.ErrBypass)
		}
		v, _ := enter("carol", transaction.Manage)
		var links []string
		for range 2 {
			k.OK(k.Enroll.Mail(context.Background(), enroll.Owner{SessionID: v.Session.ID}, enroll.Subject{Purpose: activation.Add, UserID: v.User.ID}, "carol@example.net", "carol"))
		}
		for _, m := range k.Mails() {
			if m.Kind == "activation" {
				links = append(links, m.Link)
			}
		}
		var i atomic.Int64
		if ok := race(2, func() error { _, err := k.Claim(links[i.Add(1)-1]); return err }); ok != 1 {
			k.Errorf("%d phones claimed two mailed links of one change", ok)
		}
	})
}

func TestTheLastWayInStaysAlsoInARace(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		v, _, first := k.Manager(app, "alice")
		k.Want(k.Devices.Remove(context.Background(), v, first.ID), devices.ErrLast)
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		ids := []string{first.ID, second.ID}
		var i atomic.Int64
		if ok := race(2, func() error { return k.Devices.Remove(context.Background(), v, ids[i.Add(1)-1]) }); ok != 1 {
			k.Errorf("%d of two phones were removed", ok)
		}
	})
}

// AC-034, D-08
func TestARemovedPhoneIsOutAtOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		v, _, first := k.Manager(app, "alice")
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		_, cookie := v, k.Prove(app, "alice", second) // another browser
		l := k.Begin(app, "alice")
		var tx transaction.Transaction
		for _, w := range l.Session().Ways {
			if w.ID == "push:"+first.ID {
				tx, err = k.SignIn.Start(context.Background(), l.Session(), w.ID, transaction.SignIn)
				k.OK(err)
			}
		}
		pending := k.PairPortal(v, first.ID).Link
		k.Mails()
		k.OK(k.Devices.Remove(context.Background(), v, first.ID))
		if k.Transaction(tx.ID).State != transaction.Cancelled || l.Stage() != login.Open {
			k.Error("its open request stays")
		}
		if state, _ := first.Send(first.Answer(tx, phonewire.Approve)); state == phonewire.StateApproved {
			k.Error("it approves its open request")
		}
		if _, err := k.Mobile.Key(context.Background(), first.KeyID); !errors.Is(err, phone.ErrRemoved) {
			k.Errorf("the app is told %v", err)
		}
		if _, err := k.Claim(pending); err == nil {
			k.Error("a code for it pairs a phone")
		}
		if _, err := k.Devices.Resume(context.Background(), cookie); !errors.Is(err, session.ErrIdle) {
			k.Errorf("another session goes on: %v", err)
		}
		if m := k.Mails(); len(m) != 1 || m[0].Kind != "device_removed" || m[0].Values["device"] == "" {
			k.Errorf("mails %+v", m)
		}
	})
}

// AC-059, D-25
func TestAC059EveryChangeIsTold(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.User("alice")
		l, p := k.EnrolFirst(app, "alice")
		told := func(what, kind string) {
			k.Helper()
			m := k.Mails()
			if len(m) != 1 || m[0].Kind != kind || m[0].To != "alice@example.edu" {
				k.Errorf("%s: mails %+v, want one %s", what, m, kind)
			}
		}
		told("the first phone", "device_added")
		k.OK(p.Approve(l.Session().Transaction))
		v := k.View(k.Prove(app, "alice", p))
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		told("one more", "device_added")
		_, err = k.Claim(k.PairPortal(v, p.ID).Link)
		k.OK(err)
		told("a new phone in its place", "device_replaced")
		k.OK(second.Leave())
		told("the account deleted in the app", "device_removed")
		_, err = k.Claim(k.PairPortal(v, second.ID).Link)
		k.OK(err)
		told("its app set up again", "device_reconnected")
		k.OK(k.Devices.Remove(context.Background(), v, second.ID))
		told("removed", "device_removed")
		k.Settings(func(s *settings.Settings) { s.NoChangeMail = true })
		_, err = k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		if m := k.Mails(); len(m) != 0 {
			k.Errorf("switched off by the administrator: %+v", m)
		}
		actions, err := k.Directory.ActionLog(context.Background(), audit.Query{Limit: 100})
		k.OK(err)
		seen := map[string]int{}
		for _, a := range actions {
			seen[a.Action]++
		}
		for action, n := range map[string]int{"phone_create": 3, "phone_activate": 2, "phone_delete": 1, "phone_deactivate": 1} {
			if seen[action] != n {
				k.Errorf("%d rows %s, want %d", seen[action], action, n)
			}
		}
	})
}

// AC-062, RULE-5
func TestAC062ASessionEndsExactlyAtItsLimits(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		alive := func(cookie secret.Text) bool {
			_, err := k.Devices.Resume(context.Background(), cookie)
			if err != nil && !errors.Is(err, session.ErrIdle) {
				k.Fatal(err)
			}
			return err == nil
		}
		cookie := k.Prove(app, "alice", p)
		k.Clock.Advance(session.Idle - time.Second)
		if !alive(cookie) {
			k.Error("idle a second too early")
		}
		k.Clock.Advance(session.Idle)
		if alive(cookie) {
			k.Error("not idle after fifteen minutes")
		}
		cookie = k.Prove(app, "alice", p)
		for range 6 {
			k.Clock.Advance(10*time.Minute - time.Second)
			if !alive(cookie) {
				k.Fatal("a session that is used ends early")
			}
		}
		k.Clock.Advance(5 * time.Second) // one second before the hour
		if !alive(cookie) {
			k.Error("over a second too early")
		}
		k.Clock.Advance(time.Second)
		if alive(cookie) {
			k.Error("not over after an hour")
		}
		cookie = k.Prove(app, "alice", p)
		v := k.View(cookie)
		k.Clock.Advance(session.ProofLife - time.Second)
		k.OK(k.Devices.MayPair(v))
		k.OK(k.Devices.Rename(context.Background(), v, p.ID, "Mine"))
		k.Clock.Advance(time.Second)
		k.Want(k.Devices.MayPair(v), session.ErrProof)
		k.Want(k.Devices.Rename(context.Background(), v, p.ID, "Mine"), session.ErrProof)
		second := k.Prove(app, "alice", p)
		k.OK(k.Devices.End(context.Background(), v))
		if alive(cookie) || alive(second) {
			k.Error("a session goes on after the end")
		}
	})
}

func TestThePortalIsClosedToWhoMayNotSignIn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		_, cookie, _ := k.Manager(app, "alice")
		off := app
		off.SelfService = false
		k.Save(off)
		_, err := k.Devices.Resume(context.Background(), cookie)
		k.Want(err, devices.ErrOff)
		k.Save(app)
		k.Status("alice", user.Disabled)
		if _, err := k.Devices.Resume(context.Background(), cookie); err == nil {
			k.Error("a disabled user goes on")
		}
	})
}

// D-09, D-10: a new handset in the place of the old one.
func TestAReplacedPhoneKeepsItsRecordAndItsOldAppIsOut(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		v, _, old := k.Manager(app, "alice")
		k.OK(k.Devices.Rename(context.Background(), v, old.ID, "My phone"))
		code := k.PairPortal(v, old.ID).Typed
		oldCode := old.Code()
		if _, err := k.Mobile.Key(context.Background(), old.KeyID); err != nil {
			k.Errorf("the old app is out before the new one claimed: %v", err)
		}
		fresh, err := k.Claim(strings.ToLower(code))
		k.OK(err)
		if fresh.ID != old.ID || fresh.Row().Name != "My phone" || fresh.Row().Alerts != phone.AlertsOff {
			k.Errorf("the record became %+v", fresh.Row())
		}
		if _, err := k.Mobile.Key(context.Background(), old.KeyID); !errors.Is(err, phone.ErrReplaced) {
			k.Errorf("the old app is told %v", err)
		}
		l := k.Begin(app, "alice")
		if err := l.Code(oldCode, transaction.SignIn); err == nil {
			k.Error("a code of the old app works")
		}
		tx, err := l.Push(transaction.SignIn)
		k.OK(err)
		if state, err := old.Send(old.Answer(tx, phonewire.Approve)); err == nil {
			k.Errorf("the old app answers: %s", state)
		}
		k.OK(fresh.Approve(tx))
	})
}

func TestAClosedApplicationTakesNoMorePhones(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for name, change := range map[string]func(*application.Application){
			"disabled": func(a *application.Application) { a.Disabled = true },
			"noself":   func(a *application.Application) { a.SelfService = false },
		} {
			app := k.Application(name)
			v, _, _ := k.Manager(app, name)
			code := k.PairPortal(v, "").Link
			change(&app)
			k.Save(app)
			if _, err := k.Claim(code); err == nil {
				k.Errorf("%s: a code pairs a phone", name)
			}
		}
	})
}
