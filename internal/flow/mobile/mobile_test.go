package mobile_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/domain/activation"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/enroll"
	"countersign/internal/flow/mobile"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// AC-007
func TestAC007ACodeBindsOnePhoneOnceInItsTime(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		l := k.Begin(app, "alice")
		c := l.Pair()
		if again := l.Pair(); again != c {
			k.Errorf("the page shows %+v and after a reload %+v", c, again)
		}
		p, err := k.Claim(" " + strings.ToLower(strings.Replace(c.Typed, "-", " ", 1)))
		k.OK(err)
		for _, code := range []string{c.Link, c.Typed} {
			_, err = k.Claim(code)
			k.Want(err, activation.ErrUsed)
		}
		if state, err := k.Enroll.Progress(context.Background(), enroll.Owner{LoginID: l.ID}, c.ID, false); err != nil || state != activation.Claimed {
			k.Errorf("the page shows %s, %v", state, err)
		}
		if state, _ := k.Enroll.Progress(context.Background(), enroll.Owner{LoginID: k.Begin(app, "bob").ID}, c.ID, false); state != activation.Dead {
			k.Errorf("another page asks for this code and sees %s", state)
		}
		k.OK(p.Approve(l.Session().Transaction))

		l = k.Begin(app, "carol")
		c = l.Pair()
		k.Clock.Advance(10*time.Minute - 16*time.Second)
		if l.Pair().ID != c.ID {
			k.Error("the code was renewed too early")
		}
		k.Clock.Advance(2 * time.Second)
		if l.Pair().ID == c.ID { // a scan takes a moment
			k.Error("a code about to end is still shown")
		}
		k.Clock.Advance(14 * time.Second)
		_, err = k.Claim(c.Link)
		k.Want(err, activation.ErrExpired)
		_, err = k.Claim("ABCD-EFGH")
		k.Want(err, activation.ErrExpired)
		_, err = k.Claim(l.Pair().Link)
		k.OK(err)
		if phones, _ := k.DB.Read().PhonesOf(context.Background(), k.Reload("carol").ID); len(phones) != 1 || phones[0].KeyID == "" {
			k.Errorf("%d phones", len(phones))
		}
	})
}

// AC-007, X-33
func TestAC007OfManyPhonesThatScanOneCodeOneIsBound(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		l := k.Begin(app, "alice")
		c := l.Pair()
		k.User("bob")
		lb := k.Begin(app, "bob")
		cb := lb.Pair()
		for name, codes := range map[string][]string{"alice": {c.Link, c.Typed}, "bob": {cb.Link, cb.Typed}} {
			if ok := race(10, func(i int) error {
				_, err := k.Claim(codes[i%2])
				if err != nil && !errors.Is(err, activation.ErrUsed) && !errors.Is(err, activation.ErrExpired) {
					k.Errorf("%s: the second is told %v", name, err)
				}
				return err
			}); ok != 1 {
				k.Errorf("%s: %d phones were bound", name, ok)
			}
			if phones, _ := k.DB.Read().PhonesOf(context.Background(), k.Reload(name).ID); len(phones) != 1 {
				k.Errorf("%s has %d phones", name, len(phones))
			}
		}
	})
}

func TestTwoTabsAndTwoPhonesMakeOneUserWithOnePhone(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		for round := range 4 {
			name := "alice" + string(rune('a'+round))
			var links []string
			for range 6 {
				links = append(links, k.Begin(app, name).Pair().Link)
			}
			var won atomic.Pointer[flowkit.Phone]
			if ok := race(6, func(i int) error {
				p, err := k.Claim(links[i])
				if err == nil {
					won.Store(p)
				} else if !errors.Is(err, activation.ErrUsed) && !errors.Is(err, activation.ErrExpired) {
					k.Errorf("the second phone is told %v", err)
				}
				return err
			}); ok != 1 {
				k.Fatalf("%d phones were bound", ok)
			}
			phones, err := k.DB.Read().PhonesOf(context.Background(), k.Reload(name).ID)
			k.OK(err)
			if len(phones) != 1 || phones[0].ID != won.Load().ID {
				k.Errorf("%d phones", len(phones))
			}
		}
	})
}

func race(n int, f func(i int) error) int {
	var ok atomic.Int64
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if f(i) == nil {
				ok.Add(1)
			}
		})
	}
	all.Wait()
	return int(ok.Load())
}

// RULE-9: the first request proves the path and is the sign-in.
func TestPairingEndsWithAFirstRequestThatSignsIn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		l, p := k.EnrolFirst(app, "alice")
		if _, err := l.Enter(); err == nil {
			k.Error("pairing alone lets in")
		}
		s := l.Session()
		if s.Transaction.Purpose != transaction.Pairing || len(s.Transaction.Number) != 3 || l.Row().Enrolling {
			k.Fatalf("on show: %+v", s.Transaction)
		}
		k.OK(p.Approve(s.Transaction))
		if step := l.Step(); step.Kind != signin.Spare || !step.MayWait {
			k.Error("no spare way is asked for") // RULE-10
		}
		r, err := l.Enter()
		k.OK(err)
		if r.User.Username != "alice" || r.Login.UserID == "" {
			k.Errorf("%+v", r.User)
		}
	})
}

// Where policy allows no requests, a code of the new app is the proof.
func TestPairingWithoutRequestsEndsWithACodeOfTheNewApp(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{policy.MethodPasscode} })
		l, p := k.EnrolFirst(app, "alice")
		s := l.Session()
		if s.Transaction.ID != "" || len(s.Ways) != 1 || s.Ways[0].Method != policy.MethodPasscode {
			k.Fatalf("on show: %+v, ways %+v", s.Transaction, s.Ways)
		}
		if first, ok := s.First(); !ok || first.Method != policy.MethodPasscode {
			k.Error("the page does not ask for a code")
		}
		if _, err := l.Finish(); err == nil {
			k.Error("pairing alone lets in")
		}
		k.OK(l.Code(p.Code(), transaction.SignIn))
		_, err := l.Enter()
		k.OK(err)
		only := k.Application("Mail", func(a *application.Application) { a.Policy.Methods = []string{policy.MethodPush} })
		l, p = k.EnrolFirst(only, "bob")
		k.Want(l.Code(p.Code(), transaction.SignIn), signin.ErrCodeWrong)
		k.OK(p.Approve(l.Session().Transaction))
	})
}

func TestWhatForbidsEnrollingBeforeTheScanForbidsIt(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for name, change := range map[string]func(a *application.Application, l *flowkit.Login){
			"appoff":   func(a *application.Application, _ *flowkit.Login) { a.Disabled = true },
			"nomethod": func(a *application.Application, _ *flowkit.Login) { a.Policy.Methods = []string{"other"} },
			"newdeny":  func(a *application.Application, _ *flowkit.Login) { a.Policy.NewUser = policy.NewUserDeny },
			"authdeny": func(a *application.Application, _ *flowkit.Login) {
				a.Policy.Authentication = policy.AuthenticationDeny
			},
			"toolate":   func(_ *application.Application, l *flowkit.Login) { k.Clock.Advance(login.EnrollLife) },
			"dom\\adam": func(a *application.Application, l *flowkit.Login) { k.User("adam") },
		} {
			app := k.Application("Payroll", func(a *application.Application) { a.Normalization = application.NormalizationNone })
			l := k.Begin(app, name)
			if name == "toolate" {
				k.Clock.Advance(login.EnrollLife - 5*time.Minute)
			}
			code := l.Pair().Link
			change(&app, l)
			k.Save(app)
			if _, err := k.Claim(code); err == nil {
				k.Errorf("%s: enrolled", name)
			}
			if _, err := k.DB.Read().UserByName(context.Background(), name); !errors.Is(err, user.ErrUnknown) {
				k.Errorf("%s: a refused enrollment left a user behind: %v", name, err)
			}
		}
		k.User("bob")
		app := k.Application("Payroll")
		code := k.Begin(app, "bob").Pair().Link
		k.Status("bob", user.Disabled)
		if _, err := k.Claim(code); err == nil {
			k.Error("a disabled user enrolled")
		}
	})
}

// AC-008
func TestAC008AnEnrollmentLinkIsGoodForItsUserInItsTimeOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		portal, err := k.DB.Read().ApplicationByID(ctx, application.PortalID)
		k.OK(err)
		invite := func(name string) string {
			inv, err := k.Directory.Invite(ctx, directory.CommandLine, name)
			k.OK(err)
			return inv.Link.Reveal()[strings.LastIndexByte(inv.Link.Reveal(), '/')+1:]
		}
		open := func(token string) error {
			_, err := k.Enroll.Open(ctx, flowkit.Secret(token))
			return err
		}
		begin := func(u user.User, token string) *flowkit.Login {
			l, _ := k.DB.Read().EnrollmentByDigest(ctx, k.Keys.Digest(enrollment.DigestPurpose, token))
			return k.Begin(portal, "", func(r *signin.Request) { r.UserID, r.Invitation = u.ID, cmp.Or(l.ID, "none") })
		}
		alice, bob, carol := k.User("alice"), k.User("bob"), k.User("carol")
		token := invite("alice")
		k.Want(open("x"), enrollment.ErrInvalid)
		for range 3 { // opening changes nothing: scanners do it too
			k.OK(open(token))
		}
		k.Clock.Advance(30*24*time.Hour - time.Minute)
		k.OK(open(token))
		k.Clock.Advance(time.Minute + time.Second)
		k.Want(open(token), enrollment.ErrExpired)

		token = invite("bob")
		l := begin(bob, token)
		c := l.Pair()
		_, err = k.Directory.DeleteUser(ctx, directory.CommandLine, "carol")
		k.OK(err)
		k.Want(func() error { _, err := k.Claim(begin(carol, "").Pair().Link); return err }(), activation.ErrExpired)
		p, err := k.Claim(c.Link)
		k.OK(err)
		asked, err := k.Mobile.Requests(ctx, p.ID)
		k.OK(err)
		if len(asked) != 1 || asked[0].Kind != phonewire.KindTryOut { // nobody signs in to an application here
			k.Errorf("the first request after an enrollment link: %+v", asked)
		}
		k.OK(p.Approve(l.Session().Transaction))
		k.Want(open(token), enrollment.ErrUsed)
		if phones, _ := k.DB.Read().PhonesOf(ctx, bob.ID); len(phones) != 1 {
			k.Errorf("%d phones", len(phones))
		}
		if again := begin(bob, token); again.Row().Enrolling { // enrolled meanwhile: an ordinary sign-in
			k.Error("a used link enrols again")
		}
		k.OK(p.Leave()) // nobody whose phone is gone is told that it is set up
		k.Want(open(token), enrollment.ErrInvalid)

		// an invitation taken back while its page is open
		dora := k.User("dora")
		token = invite("dora")
		l = begin(dora, token)
		c = l.Pair()
		k.Write(func(st flow.Store) error { _, err := st.RevokeEnrollments(ctx, dora.ID, k.Clock.Now()); return err })
		k.Want(open(token), enrollment.ErrInvalid)
		if _, err := k.Claim(c.Link); !errors.Is(err, activation.ErrExpired) {
			k.Errorf("the page of a revoked invitation pairs a phone: %v", err)
		}
		// an invitation opens what dormancy closes, and for the dormant user only
		_ = alice
		k.Clock.Advance(100 * 24 * time.Hour)
		l = begin(alice, invite("alice"))
		if !l.Row().Enrolling {
			k.Fatal("an invited user may not enrol")
		}
		_, err = k.Claim(l.Pair().Link)
		k.OK(err)
	})
}

// AC-010
func TestAC010OnlyThePhonesOwnWholeAnswerCounts(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		a1, b := k.Enrolled(app, "alice"), k.Enrolled(app, "bob")
		a2, err := k.Claim(k.PairPortal(k.View(k.Prove(app, "alice", a1)), "").Link)
		k.OK(err)
		k.Clock.Advance(time.Second)
		l := k.Begin(app, "alice")
		tx, err := k.SignIn.Start(context.Background(), l.Session(), "push:"+a1.ID, transaction.SignIn)
		k.OK(err)
		other := k.Begin(app, "bob").Session().Transaction
		try := func(what string, a phonewire.Answer, as string) {
			k.Helper()
			if o, err := k.Mobile.Answer(context.Background(), as, a); err == nil {
				k.Errorf("%s: %s", what, o.State)
			}
			if got := k.Transaction(tx.ID).State; got != transaction.Pending {
				k.Fatalf("%s: the request is %s", what, got)
			}
		}
		plain := func(c func(*phonewire.Answer)) phonewire.Answer { return a1.Answer(tx, phonewire.Approve, c) }
		after := func(c func(*phonewire.Answer)) phonewire.Answer {
			a := a1.Answer(tx, phonewire.Approve)
			c(&a)
			return a
		}
		try("the user's other phone", a2.Answer(tx, phonewire.Approve), a2.ID)
		try("the user's other phone, in the first one's name", a2.Answer(tx, phonewire.Approve, func(a *phonewire.Answer) { a.Phone = a1.ID }), a1.ID)
		try("another user's phone", b.Answer(tx, phonewire.Approve), b.ID)
		try("unsigned", after(func(a *phonewire.Answer) { a.Signature = "" }), a1.ID)
		try("another request's signature", after(func(a *phonewire.Answer) { a.Signature = a1.Answer(other, phonewire.Approve).Signature }), a1.ID)
		try("decision turned", after(func(a *phonewire.Answer) { a.Decision = phonewire.Deny; a.Number = "" }), a1.ID)
		try("number changed", after(func(a *phonewire.Answer) { a.Number = "000" }), a1.ID)
		try("counter changed", after(func(a *phonewire.Answer) { a.Counter += 5 }), a1.ID)
		try("another application", plain(func(a *phonewire.Answer) { a.Application = "DIOTHER" }), a1.ID)
		try("another user", plain(func(a *phonewire.Answer) { a.User = b.Account.UserID }), a1.ID)
		try("another end", plain(func(a *phonewire.Answer) { a.Expires += 60_000 }), a1.ID)
		try("no such request", plain(func(a *phonewire.Answer) { a.Transaction = "00000000-0000-4000-8000-000000000000" }), a1.ID)
		if !strings.Contains(k.Logged(), "did not sign") || !strings.Contains(k.Logged(), "does not fit") {
			k.Error("nobody is warned of forged answers")
		}
		k.OK(a1.Approve(tx))
	})
}

// AC-083
func TestAC083ACounterThatGoesBackEndsTheKey(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		k.OK(p.Approve(k.Begin(app, "alice").Session().Transaction))
		l := k.Begin(app, "alice")
		tx := l.Session().Transaction
		p.Counter-- // answered twice with one counter: the app signs again
		_, err := p.Send(p.Answer(tx, phonewire.Approve))
		k.Want(err, phone.ErrCounter)
		if _, err := k.Mobile.Key(context.Background(), p.KeyID); err != nil {
			k.Fatalf("an equal counter ended the key: %v", err)
		}
		p.Counter -= 2 // a copy of the app that does not know of the last answer
		_, err = p.Send(p.Answer(tx, phonewire.Approve))
		k.Want(err, phone.ErrReplaced)
		if _, err := k.Mobile.Key(context.Background(), p.KeyID); !errors.Is(err, phone.ErrReplaced) {
			k.Errorf("the key is %v", err)
		}
		p.Counter += 10
		if state, err := p.Send(p.Answer(tx, phonewire.Approve)); err == nil {
			k.Errorf("it answers on: %s", state)
		}
		if l.Stage() != login.Open || k.Begin(app, "alice").Stage() != login.Refused {
			k.Error("a copied app signs in")
		}
		if m := k.Mails(); len(m) != 1 || m[0].Kind != "device_removed" {
			k.Errorf("the user is told %+v", m)
		}
	})
}

func TestWrongPairingCodesOfOneAddressAreLimited(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		l := k.Begin(k.Application("Payroll"), "alice")
		for i := range mobile.MaxGuesses {
			if _, err := k.Claim("7777-7777"); !errors.Is(err, activation.ErrExpired) {
				k.Fatalf("guess %d: %v", i, err)
			}
		}
		_, err := k.Claim(l.Pair().Typed)
		k.Want(err, mobile.ErrGuesses)
		from := netip.MustParseAddr("203.0.113.10")
		_, err = k.Mobile.Activate(context.Background(), phonewire.Activation{Code: "7777-7777"}, from, "")
		k.Want(err, activation.ErrExpired)
		k.Clock.Advance(mobile.GuessWindow + time.Second)
		_, err = k.Claim(l.Pair().Typed)
		k.OK(err)
	})
}

// Many people share an address. One of them must not keep the others from pairing: the picture and the link hold
// 128 bits, which nobody guesses, so they need no limit.
func TestWrongCodesKeepNobodyFromScanningThePicture(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		l := k.Begin(k.Application("Payroll"), "alice")
		for range mobile.MaxGuesses + 1 {
			_, _ = k.Claim("7777-7777")
			_, err := k.Claim(strings.Repeat("A", 22))
			k.Want(err, activation.ErrExpired)
		}
		_, err := k.Claim(l.Pair().Link)
		k.OK(err)
	})
}

// RULE-10. Someone who was away is not asked on two days in a row.
func TestASpareWayIsAskedForThreeTimesAWeekApart(t *testing.T) {
	t.Run("every day at work", func(t *testing.T) { askForASpare(t, 0, []int{0, 7, 14}) })
	t.Run("away for three weeks", func(t *testing.T) { askForASpare(t, 21, []int{0, 21, 28}) })
}

// askForASpare lets alice sign in each day, but for the days she is away after the first, and answer "Later".
func askForASpare(t *testing.T, away int, want []int) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		due := func() (*flowkit.Login, bool) {
			l := k.Begin(app, "alice")
			k.OK(l.Code(p.Code(), transaction.SignIn))
			return l, l.Step().Kind == signin.Spare
		}
		asked := 0
		for day := range 40 {
			if day > 0 && day < away {
				k.Clock.Advance(24 * time.Hour)
				continue
			}
			l, is := due()
			if !is {
				k.Clock.Advance(24 * time.Hour)
				continue
			}
			asked++
			if asked > 3 || day != want[asked-1] {
				k.Errorf("asked for the %d. time on day %d", asked, day)
			}
			s := l.Session()
			race(5, func(int) error { return k.SignIn.LaterSpare(context.Background(), s) }) // five clicks on "Later"
			if n := k.Reload("alice").SpareReminders; n != asked {
				k.Errorf("%d reminders noted after %d", n, asked)
			}
			if l.Step().Kind == signin.Spare {
				k.Error("asked again at once")
			}
			_, err := l.Enter()
			k.OK(err)
			k.Clock.Advance(24 * time.Hour)
		}
		if asked != 3 {
			k.Errorf("asked %d times", asked)
		}
	})
}

func TestARequiredSpareWayHoldsTheSignInAndCanBeSetUp(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Spare = policy.SpareRequire })
		l, p := k.EnrolFirst(app, "alice")
		k.OK(p.Approve(l.Session().Transaction))
		_, err := l.Finish()
		k.Want(err, signin.ErrSpare)
		k.Want(k.SignIn.LaterSpare(context.Background(), l.Session()), signin.ErrSpare)
		k.Want(func() error { _, err := l.Finish(); return err }(), signin.ErrSpare)
		_, err = k.Claim(l.PairFor(activation.Add).Link)
		k.OK(err)
		_, err = l.Enter()
		k.OK(err)

		// Without self-service and without a fresh proof there is no way to set one up: nobody is locked out by that.
		closed := k.Application("Old", func(a *application.Application) { a.SelfService = false; a.Policy.Spare = policy.SpareRequire })
		p = k.Enrolled(k.Application("Other"), "bob")
		l = k.Begin(closed, "bob")
		k.OK(l.Code(p.Code(), transaction.SignIn))
		_, err = l.Enter()
		k.OK(err)
	})
}

// AC-001 for the spare phone in the sign-in: its code needs the proof, and the proof serves one phone.
func TestAC001ASparePhoneNeedsTheFreshProofOfThePairing(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		refused := func(what, code string) {
			k.Helper()
			if _, err := k.Claim(code); !errors.Is(err, activation.ErrExpired) {
				k.Errorf("%s: %v", what, err)
			}
		}
		l, p := k.EnrolFirst(app, "alice")
		refused("before the first request is approved", l.PairFor(activation.Add).Link)
		k.OK(p.Approve(l.Session().Transaction))
		k.OK(k.Enroll.Mail(context.Background(), enroll.Owner{LoginID: l.ID}, enroll.Subject{Purpose: activation.Add, UserID: l.Row().UserID}, "a@example.net", "alice"))
		_, err := k.Claim(l.PairFor(activation.Add).Link)
		k.OK(err)
		for _, m := range k.Mails() {
			if m.Kind == "activation" {
				refused("a second spare by the mailed link", m.Link)
			}
		}
		refused("a second spare", l.PairFor(activation.Add).Link)
		refused("a replacement", func() string {
			c, err := k.Enroll.Pair(context.Background(), enroll.Owner{LoginID: l.ID}, enroll.Subject{Purpose: activation.Reactivate, UserID: l.Row().UserID, PhoneID: p.ID})
			k.OK(err)
			return c.Link
		}())
		signedIn := k.Begin(app, "alice")
		k.OK(signedIn.Code(p.Code(), transaction.SignIn))
		refused("a sign-in by code", signedIn.PairFor(activation.Add).Link)
		k.BypassCode("alice")
		l = k.Begin(app, "alice")
		k.OK(l.Code(k.BypassCode("alice"), transaction.SignIn))
		refused("a sign-in by the help desk's code", l.PairFor(activation.Add).Link)

		l, p = k.EnrolFirst(app, "carol")
		k.OK(p.Approve(l.Session().Transaction))
		k.Clock.Advance(session.ProofLife)
		refused("a proof of ten minutes ago", l.PairFor(activation.Add).Link)
		thief := k.Begin(app, "mallory")
		_, err = k.Claim(thief.Pair().Link)
		k.OK(err)
		k.OK(mailTo(k, thief, l.Row().UserID))
		for _, m := range k.Mails() {
			if m.Kind == "activation" {
				refused("somebody else's account", m.Link)
			}
		}
	})
}

func mailTo(k *flowkit.Kit, l *flowkit.Login, userID string) error {
	return k.Enroll.Mail(context.Background(), enroll.Owner{LoginID: l.ID}, enroll.Subject{Purpose: activation.Add, UserID: userID}, "m@example.net", "x")
}

func TestAMailedLinkLivesADayAndTheMailsAreLimited(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.User("alice")
		l := k.Begin(app, "alice")
		mail := func(to string) error {
			return k.Enroll.Mail(context.Background(), enroll.Owner{LoginID: l.ID}, enroll.Subject{Purpose: activation.Enroll, UserID: l.Row().UserID}, to, "alice")
		}
		for _, bad := range []string{"", "a", "a@b\r\nBcc: c@d", "a@b,c@d", "<a@b>", "A <a@b>", "a@b c@d", "a@\u2028b", strings.Repeat("a", 251) + "@b.c"} {
			if err := mail(bad); !errors.Is(err, enroll.ErrMailAddress) {
				k.Errorf("%q: %v", bad, err)
			}
		}
		if ok := race(12, func(int) error { return mail("alice@example.net") }); ok != enroll.MaxMails {
			k.Errorf("%d mails went out", ok)
		}
		k.Want(mail("alice@example.net"), enroll.ErrMailLimit)
		mails := k.Mails()
		if len(mails) != enroll.MaxMails || mails[0].To != "alice@example.net" {
			k.Fatalf("%+v", mails)
		}
		if got := k.Reload("alice").Email; got != "alice@example.edu" {
			k.Errorf("the address was kept: %s", got)
		}
		c := l.Pair()
		_, err := k.Claim(mails[0].Link)
		k.OK(err)
		if state, _ := k.Enroll.Progress(context.Background(), enroll.Owner{LoginID: l.ID}, c.ID, false); state != activation.Claimed {
			k.Errorf("the page shows %s", state)
		}
		_, err = k.Claim(mails[1].Link)
		k.Want(err, activation.ErrExpired)
	})
}

func TestAPairingPageLearnsOfThePhoneAtOnce(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		var l *flowkit.Login
		var p *flowkit.Phone
		name, late := "", true
		for try := 0; late && try < 4; try++ { // a page that nobody wakes looks after five seconds, and is late each time
			name = fmt.Sprint("alice", try)
			l = k.Begin(app, name)
			c := l.Pair()
			learned := make(chan activation.State, 1)
			go func() {
				s, _ := k.Enroll.Progress(context.Background(), enroll.Owner{LoginID: l.ID}, c.ID, true)
				learned <- s
			}()
			var err error
			p, err = k.Claim(c.Link)
			k.OK(err)
			claimed := time.Now()
			if s := <-learned; s != activation.Claimed {
				k.Errorf("the page shows %s", s)
			}
			late = time.Since(claimed) > 4*time.Second
		}
		if late {
			k.Error("the page did not learn of it at once")
		}
		k.OK(p.Approve(l.Session().Transaction))
		v := k.View(k.Prove(app, name, p))
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		one, two := k.PairPortal(v, p.ID), k.PairPortal(v, second.ID)
		_, err = k.Claim(one.Link)
		k.OK(err)
		owner := enroll.Owner{SessionID: v.Session.ID}
		if s, _ := k.Enroll.Progress(context.Background(), owner, two.ID, false); s == activation.Claimed {
			k.Error("the page of one phone says that the other one is connected")
		}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		if _, err := k.Enroll.Progress(ctx, owner, k.PairPortal(v, "").ID, true); err != nil {
			k.Errorf("a page whose time is over gets %v", err)
		}
	})
}

func TestThePhoneWakesForARequestAndNotForOthers(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		woke := make(chan error, 1)
		go func() { woke <- k.Mobile.Wait(context.Background(), p.ID) }()
		l := k.Begin(app, "alice")
		select {
		case err := <-woke:
			k.OK(err)
		case <-time.After(9 * time.Second): // by itself it would come back after ten
			k.Error("the phone did not wake")
		}
		k.OK(k.Mobile.Wait(context.Background(), p.ID)) // at once: one waits that it has not fetched
		p.Requests()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		k.OK(k.Mobile.Wait(ctx, p.ID))
		k.OK(l.Code(p.Code(), transaction.SignIn))
		if got := p.Requests(); len(got) != 0 {
			k.Errorf("another way was taken and the phone still shows %+v", got)
		}
	})
}

// What one instance of a rename, a subscription and a log row must look like stands here in one walk.
func TestTheAppKeepsItsAccount(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx := context.Background()
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		k.OK(k.Mobile.Rename(ctx, p.ID, p.KeyID, " Work phone "))
		if s, err := k.Mobile.Status(ctx, p.ID); err != nil || s.PhoneName != "Work phone" || s.Username != "alice" {
			k.Errorf("%+v, %v", s, err)
		}
		k.Want(k.Mobile.Rename(ctx, p.ID, p.KeyID, "a\u202eb"), phone.ErrNameInvalid)
		k.Want(k.Mobile.TestAlert(ctx, p.ID), mobile.ErrAlertsOff)
		p.Subscribe()
		k.OK(k.Mobile.TestAlert(ctx, p.ID))
		k.Want(k.Mobile.TestAlert(ctx, p.ID), mobile.ErrGuesses)
		if row := p.Row(); strings.Contains(string(row.Subscription), "push.example") {
			k.Error("the address of the alerts is not sealed")
		}
		k.Settings(func(s *settings.Settings) { s.Organization = "Northfield" })
		if s, _ := k.Mobile.Status(ctx, p.ID); s.Organisation != "Northfield" {
			k.Errorf("organization %q", s.Organisation)
		}
		if k.Count("alice", audit.UserApproved) < 1 {
			k.Error("the first request is not in the log")
		}
	})
}

// An app whose connection broke claims again with the same key and hears what it missed; any other is refused.
func TestAnAppThatMissedTheAnswerToItsClaimGetsItOnceMore(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		ctx, app := context.Background(), k.Application("Payroll")
		l := k.Begin(app, "alice")
		var sent phonewire.Activation
		p, err := k.Claim(l.Pair().Link, func(a *phonewire.Activation) { sent = *a })
		k.OK(err)
		from := netip.MustParseAddr("203.0.113.9")
		k.Clock.Advance(9 * time.Minute)
		got, err := k.Mobile.Activate(ctx, sent, from, "")
		k.OK(err)
		want := p.Account
		want.ServerTime = got.ServerTime
		if got != want {
			k.Errorf("the second answer is %+v, the first was %+v", got, want)
		}
		k.OK(l.Code(p.Code(), transaction.SignIn))
		phones, err := k.DB.Read().PhonesOf(ctx, p.Row().UserID)
		k.OK(err)
		if len(phones) != 1 {
			k.Errorf("%d phones", len(phones))
		}
		if _, err = k.Claim(sent.Code); !errors.Is(err, activation.ErrUsed) {
			k.Errorf("another key: %v", err)
		}
		k.Clock.Advance(time.Minute)
		_, err = k.Mobile.Activate(ctx, sent, from, "")
		k.Want(err, activation.ErrUsed)

		v, _, _ := k.Manager(app, "bob")
		second, err := k.Claim(k.PairPortal(v, "").Link, func(a *phonewire.Activation) { sent = *a })
		k.OK(err)
		k.OK(second.Leave()) // its key is dead
		_, err = k.Mobile.Activate(ctx, sent, from, "")
		k.Want(err, activation.ErrUsed)
	})
}
