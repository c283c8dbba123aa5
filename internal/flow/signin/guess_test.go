package signin_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

var ctx = context.Background()

// guessing is an authenticator that codes are tried on at one door.
type guessing struct {
	*flowkit.Kit
	app   application.Application
	name  string
	on    account.Source
	id    string
	right func() string
	wrong string
	try   func(code string) error
}

// unlocked has no lock-out in the way, so that what is counted here is seen alone.
func unlocked(k *flowkit.Kit) {
	k.Settings(func(s *settings.Settings) { s.LockoutThreshold, s.FraudEmail = 1000, "desk@example.edu" })
}

// program tries a code at a door without a browser.
func program(k *flowkit.Kit, app application.Application, name, code string) error {
	r := signin.Request{Application: app, Username: name, IP: flowkit.Address(1)}
	g, err := k.SignIn.Gate(ctx, r)
	if err != nil {
		return err
	}
	t, err := k.SignIn.Prove(ctx, signin.Attempt{Gate: g, Request: r, InCall: true}, code)
	switch {
	case err != nil:
		return err
	case t.State == transaction.Approved:
		return nil
	case t.Reason == signin.CodesOff:
		return signin.ErrCodesOff
	}
	return signin.ErrCodeWrong
}

var allDoors, oneDoor = []string{"prompt", "devices", "program"}, []string{"program"}

// eachGuessing runs a test for each kind of code at each of the doors, on both databases.
func eachGuessing(t *testing.T, doors []string, test func(g guessing)) {
	for _, kind := range []string{"hotp", "totp", "desk"} {
		for _, door := range doors {
			t.Run(kind+"/"+door, func(t *testing.T) {
				flowkit.Each(t, func(k *flowkit.Kit) {
					unlocked(k)
					g := guessing{Kit: k, name: "alice", on: account.App}
					g.app = k.Application("Payroll", func(a *application.Application) {
						if kind != "desk" {
							a.Policy.PasscodeType = kind
						}
					})
					p := k.Enrolled(g.app, g.name)
					g.id, g.right, g.wrong = p.ID, p.Code, p.Wrong()
					if kind == "totp" {
						g.right = func() string { k.Clock.Advance(time.Minute); return p.Code() }
					}
					if kind == "desk" {
						k.BypassCode(g.name, func(r *directory.BypassRequest) { r.Code, r.Uses, r.Life = secretText("31415926"), 0, 0 })
						live, err := k.DB.Read().LiveBypassCodes(ctx, k.Reload(g.name).ID, k.Clock.Now())
						k.OK(err)
						g.on, g.id, g.right, g.wrong = account.Desk, live[0].ID, func() string { return "31415926" }, "27182818"
					}
					k.Mails()
					g.try = func(code string) error {
						switch door {
						case "program":
							return program(k, g.app, g.name, code)
						case "devices":
							return k.Begin(g.app, g.name).Code(code, transaction.Manage)
						}
						return k.Begin(g.app, g.name).Code(code, transaction.SignIn)
					}
					test(g)
				})
			})
		}
	}
}

// count counts guesses as n wrong codes do.
func count(k *flowkit.Kit, on account.Source, id string, n int, chance int64) {
	k.Helper()
	k.Write(func(st flow.Store) error {
		for range n {
			if _, _, err := st.CountGuess(ctx, account.Guess{On: on, ID: id, Chance: chance, Time: k.Clock.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// sum reads what the guesses amount to. Of a help desk's code that is off nothing is left to read.
func (g guessing) sum() account.Guesses {
	g.Helper()
	if g.on == account.App {
		p, err := g.DB.Read().PhoneByID(ctx, g.id)
		g.OK(err)
		return p.Guesses
	}
	live, err := g.DB.Read().LiveBypassCodes(ctx, g.Reload(g.name).ID, g.Clock.Now())
	g.OK(err)
	for _, c := range live {
		if c.ID == g.id {
			return c.Guesses
		}
	}
	return account.Guesses{Off: time.Unix(1, 0)}
}

func (g guessing) chance() int64 {
	var before account.Guesses = g.sum()
	g.Want(g.try(g.wrong), signin.ErrCodeWrong)
	return g.sum().Chance - before.Chance
}

// told lists who was mailed what of guesses since the last time.
func told(k *flowkit.Kit) (all []string) {
	for _, m := range k.Mails() {
		if strings.HasPrefix(m.Kind, "codes_") {
			all = append(all, m.Kind+" "+m.To)
		}
	}
	return all
}

func actions(k *flowkit.Kit, action string) (n int) {
	all, err := k.DB.Read().Actions(ctx, audit.Query{})
	k.OK(err)
	for _, a := range all {
		if a.Action == action {
			n++
		}
	}
	return n
}

// sums lists the wrong codes in a row that the log tells with an action.
func (g guessing) sums(action string) string {
	all, err := g.DB.Read().Actions(ctx, audit.Query{})
	g.OK(err)
	var sums []string
	for _, a := range all {
		if a.Action == action {
			sums = append(sums, fmt.Sprint(a.Description["in_a_row"]))
		}
	}
	return strings.Join(sums, " ")
}

// RULE-43: a hundredth code whose look broke off turned nothing off. The next one does, and is not looked at.
func TestTheStopAfterACodeThatBrokeOffSaysHowManyThereWere(t *testing.T) {
	eachGuessing(t, oneDoor, func(g guessing) {
		count(g.Kit, g.on, g.id, 100, 1)
		if g.try(g.wrong) == nil {
			g.Error("a wrong code let in")
		}
		if got := g.sums("user_codes_off"); got != "100" {
			g.Errorf("the log says: %s", got)
		}
	})
}

// RULE-43
func TestAHundredWrongCodesInARowTurnTheCodesOffAtEveryDoor(t *testing.T) {
	eachGuessing(t, allDoors, func(g guessing) {
		count(g.Kit, g.on, g.id, 48, 1)
		g.Want(g.try(g.wrong), signin.ErrCodeWrong)
		if got := told(g.Kit); got != nil {
			g.Errorf("told before half of it: %v", got)
		}
		g.Want(g.try(g.wrong), signin.ErrCodeWrong)
		if got := fmt.Sprint(told(g.Kit)); got != "[codes_half_way alice@example.edu]" || actions(g.Kit, "user_codes_half_way") != 1 {
			g.Errorf("half-way told: %v", got)
		}
		count(g.Kit, g.on, g.id, 49, 1)
		last := signin.ErrCodeWrong
		if g.on == account.App {
			last = signin.ErrCodesOff
		}
		g.Want(g.try(g.wrong), last)
		if got := fmt.Sprint(told(g.Kit)); got != "[codes_off alice@example.edu codes_off_reported desk@example.edu]" || actions(g.Kit, "user_codes_off") != 1 {
			g.Errorf("told at the stop: %v", got)
		}
		if got := g.sums("user_codes_off"); got != "100" {
			g.Errorf("the log says how many there were: %s", got)
		}
		for range 3 { // neither the right code, nor what clears the person's own count, brings them back
			g.Want(g.try(g.right()), last)
			g.Write(func(st flow.Store) error { return st.Proved(ctx, g.Reload(g.name).ID, "", g.Clock.Now()) })
			g.Clock.Advance(200 * 24 * time.Hour)
		}
		if g.sum().Off.IsZero() || actions(g.Kit, "user_codes_off") != 1 {
			g.Errorf("after the stop: %+v", g.sum())
		}
		for _, w := range g.Begin(g.app, g.name).Session().Ways {
			if w.PhoneID == g.id && !w.Factor().Rings() {
				g.Errorf("the prompt still offers %s", w.ID)
			}
		}
	})
}

// RULE-43
func TestTheChanceOfAYearTurnsTheCodesOffAtEveryDoor(t *testing.T) {
	eachGuessing(t, allDoors, func(g guessing) {
		chance := g.chance()
		rest := account.MaxChance - g.sum().Chance
		g.Write(func(st flow.Store) error { // all but the last look, a year ago and a day less
			_, _, err := st.CountGuess(ctx, account.Guess{On: g.on, ID: g.id, Chance: rest - chance, Time: g.Clock.Now()})
			return err
		})
		g.Clock.Advance(364 * 24 * time.Hour)
		if g.sum().InARow >= account.MaxInARow {
			g.Fatal("the row of wrong ones is what stops")
		}
		if err := g.try(g.wrong); err == nil {
			g.Fatal("a wrong code was taken")
		}
		if off := g.sum().Off; off.IsZero() {
			g.Errorf("the codes are on: %+v", g.sum())
		}
		if g.try(g.right()) == nil {
			g.Error("a right code was taken from codes that are off")
		}
	})
}

// RULE-43
func TestAGuessCountsForAYear(t *testing.T) {
	eachGuessing(t, oneDoor, func(g guessing) {
		chance := g.chance()
		g.Write(func(st flow.Store) error {
			_, _, err := st.CountGuess(ctx, account.Guess{On: g.on, ID: g.id, Chance: account.MaxChance - 2*chance, Time: g.Clock.Now()})
			return err
		})
		g.Clock.Advance(367 * 24 * time.Hour)
		g.Want(g.try(g.wrong), signin.ErrCodeWrong)
		if s := g.sum(); s.Chance != chance {
			g.Errorf("more than a year later: %+v", s)
		}
		g.OK(g.try(g.right()))
	})
}

// RULE-43: slips of the hand are taken back by the sign-in they were made in, and by no other.
func TestOnlyABrowserSignInTakesBackItsOwnWrongCodes(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		unlocked(k)
		app := k.Application("Payroll")
		v, _, p := k.Manager(app, "alice")
		spare, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		both := func() []account.Guesses { return []account.Guesses{p.Row().Guesses, spare.Row().Guesses} }
		is := func(what string, want ...account.Guesses) {
			t.Helper()
			for i, got := range both() {
				if got.InARow != want[i].InARow || got.Chance != want[i].Chance {
					t.Errorf("%s: %+v, want %+v", what, both(), want)
					return
				}
			}
		}
		wrong := p.Wrong()
		l, other := k.Begin(app, "alice"), k.Begin(app, "alice")
		k.Want(l.Code(wrong, transaction.SignIn), signin.ErrCodeWrong)
		k.Want(l.Code(wrong, transaction.SignIn), signin.ErrCodeWrong)
		k.Want(other.Code(wrong, transaction.SignIn), signin.ErrCodeWrong)
		is("counted on each phone", account.Guesses{InARow: 3, Chance: 18000}, account.Guesses{InARow: 3, Chance: 18000})
		k.OK(l.Code(p.Code(), transaction.SignIn))
		is("taken back on each, and the row ended on its own", account.Guesses{Chance: 6000}, account.Guesses{InARow: 1, Chance: 6000})
		k.Want(program(k, app, "alice", wrong), signin.ErrCodeWrong)
		k.OK(program(k, app, "alice", p.Code()))
		is("a program takes nothing back but the row", account.Guesses{Chance: 12000}, account.Guesses{InARow: 2, Chance: 12000})
		l = k.Begin(app, "alice")
		k.Want(l.Code(wrong, transaction.SignIn), signin.ErrCodeWrong)
		tx, err := l.Push(transaction.SignIn)
		k.OK(err)
		by := map[string]*flowkit.Phone{p.ID: p, spare.ID: spare}[tx.PhoneID]
		k.OK(by.Approve(tx))
		is("a request takes nothing back", account.Guesses{InARow: 1, Chance: 18000}, account.Guesses{InARow: 3, Chance: 18000})
		desk := k.BypassCode("alice")
		l = k.Begin(app, "alice")
		k.Want(l.Code(wrong, transaction.SignIn), signin.ErrCodeWrong)
		k.OK(l.Code(desk, transaction.SignIn))
		is("nor does a code of the help desk", account.Guesses{InARow: 2, Chance: 24000}, account.Guesses{InARow: 4, Chance: 24000})
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1 })
		k.Want(k.Begin(app, "alice").Code(wrong, transaction.SignIn), user.ErrLocked)
		k.Clock.Advance(time.Hour)
		k.Begin(app, "alice") // it unlocks
		is("nor the end of a lock-out", account.Guesses{InARow: 3, Chance: 30000}, account.Guesses{InARow: 5, Chance: 30000})
	})
}

// RULE-43: requests to the same phone, and the other phones, go on; pairing anew or the help desk brings the codes back.
func TestCodesThatAreOffComeBackByPairingAnewOrByTheHelpDesk(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		unlocked(k)
		app := k.Application("Payroll")
		v, _, p := k.Manager(app, "alice")
		spare, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		off := func() {
			t.Helper()
			count(k, account.App, p.ID, 99, 1)
			k.Want(k.Begin(app, "alice").Code(p.Wrong(), transaction.SignIn), signin.ErrCodesOff)
			if !p.Row().CodesOff() || spare.Row().CodesOff() {
				t.Fatalf("%+v, %+v", p.Row().Guesses, spare.Row().Guesses)
			}
		}
		off()
		k.OK(k.Begin(app, "alice").Code(spare.Code(), transaction.SignIn))
		s := k.Begin(app, "alice").Session()
		if !s.Person().CanProve() || s.Person().WaysIn() != 2 {
			t.Errorf("the person has %d devices to prove by", s.Person().WaysIn())
		}
		var ids []string
		for _, w := range s.Ways {
			ids = append(ids, w.Method)
		}
		if got := strings.Join(ids, " "); got != "push push passcode" {
			t.Errorf("the ways in are %s", got)
		}
		_, phones, err := k.Directory.ResetCodes(ctx, directory.CommandLine, "alice", p.Row().Name)
		k.OK(err)
		if len(phones) != 1 || actions(k, "user_reset_codes") != 1 {
			t.Errorf("the help desk reset %d phones", len(phones))
		}
		k.OK(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn))
		_, _, err = k.Directory.ResetCodes(ctx, directory.CommandLine, "alice", "no such phone")
		k.Want(err, phone.ErrUnknown)
		off()
		cookie := k.Prove(app, "alice", spare)
		anew, err := k.Claim(k.PairPortal(k.View(cookie), p.ID).Link)
		k.OK(err)
		k.OK(k.Begin(app, "alice").Code(anew.Code(), transaction.SignIn))
		if got := p.Row().Guesses; got != (account.Guesses{}) {
			t.Errorf("after pairing anew: %+v", got)
		}
	})
}

// RULE-43: where codes were the only way that policy leaves, the page says so, and a code of the help desk opens it.
func TestWhoseOnlyCodesAreOffIsSentToTheHelpDesk(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		unlocked(k)
		app := k.Application("Payroll", func(a *application.Application) {
			a.Policy.Methods, a.Policy.NewUser = []string{policy.MethodPasscode}, policy.NewUserAllow
		})
		p := k.Enrolled(k.Application("Set-up"), "alice")
		count(k, account.App, p.ID, 99, 1)
		p.Subscribe()
		rung := k.Doorbell.Rings()
		k.Want(k.Begin(app, "alice").Code(p.Wrong(), transaction.SignIn), signin.ErrCodesOff)
		k.Eventually("the phone is told", func() bool { return k.Doorbell.Rings() == rung+1 })
		step := k.Begin(app, "alice").Step()
		if step.Kind != signin.Prove || step.Reason == nil || step.Reason.Code != "way.codes_off" {
			t.Errorf("the page is %+v", step)
		}
		k.OK(k.Begin(app, "alice").Code(k.BypassCode("alice"), transaction.SignIn))
	})
}

// RULE-43: at the last look there is, one of fifty codes is looked at.
func TestOfFiftyGuessesAtTheLastLookOneIsLookedAt(t *testing.T) {
	eachGuessing(t, oneDoor, func(g guessing) {
		count(g.Kit, g.on, g.id, 99, 1)
		var offs atomic.Int64
		if in := parallel(50, func(int) error {
			err := g.try(g.wrong)
			if errors.Is(err, signin.ErrCodesOff) {
				offs.Add(1)
			} else if !errors.Is(err, signin.ErrCodeWrong) {
				g.Errorf("a guess is answered %v", err)
			}
			return err
		}); in != 0 {
			g.Errorf("%d guesses were let in", in)
		}
		if n := actions(g.Kit, "user_codes_off"); n != 1 {
			g.Errorf("turned off %d times", n)
		}
		if g.on == account.App {
			if s := g.sum(); s.InARow != account.MaxInARow || offs.Load() != 50 {
				g.Errorf("%+v, and %d of 50 were told", s, offs.Load())
			}
		}
		if g.try(g.right()) == nil {
			g.Error("the right code came after the last look")
		}
	})
}

// looking counts the looks at slow digests, and loses what decides when told so.
type looking struct {
	flow.DB
	looks atomic.Int64
	lose  atomic.Bool
}

var errLost = errors.New("lost")

func (l *looking) Write(ctx context.Context, change func(flow.Store) error) error {
	return l.DB.Write(ctx, func(st flow.Store) error { return change(lookingStore{st, l}) })
}

type lookingStore struct {
	flow.Store
	l *looking
}

func (s lookingStore) SpendBypassCode(ctx context.Context, userID string, digest []byte, now time.Time) (string, bool, error) {
	s.l.looks.Add(1)
	if s.l.lose.Load() {
		return "", false, errLost
	}
	return s.Store.SpendBypassCode(ctx, userID, digest, now)
}

// AC-005: a digest is made only for an attempt that is counted, so guessing at one person costs others nothing.
func TestOfFourHundredGuessesAtAHelpDeskCodeTheLockOutLeavesTen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		l := &looking{DB: db}
		k := flowkit.New(t, l)
		app := k.Application("Payroll")
		k.User("alice")
		code := k.BypassCode("alice", func(r *directory.BypassRequest) { r.Uses = 2 })
		k.OK(program(k, app, "alice", code))
		l.looks.Store(0)
		wrong := "100000001"
		if code == wrong {
			wrong = "100000002"
		}
		parallel(400, func(i int) error {
			err := program(k, app, "alice", wrong)
			if !errors.Is(err, signin.ErrCodeWrong) && !errors.Is(err, user.ErrLocked) && !errors.Is(err, signin.ErrNoWay) {
				t.Errorf("guess %d: %v", i, err)
			}
			return err
		})
		if n := l.looks.Load(); n != 10 {
			t.Errorf("%d digests for 400 guesses", n)
		}
		if u := k.Reload("alice"); u.Status != user.LockedOut || u.Failures != 10 {
			t.Errorf("%+v", u)
		}
	})
}

// AC-005: what breaks off between the count and the look stays counted.
func TestAGuessThatBreaksOffStaysCounted(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		l := &looking{DB: db}
		k := flowkit.New(t, l)
		app := k.Application("Payroll")
		k.User("alice")
		code := k.BypassCode("alice")
		live := func() bypass.Code {
			all, err := k.DB.Read().LiveBypassCodes(ctx, k.Reload("alice").ID, k.Clock.Now())
			k.OK(err)
			return all[0]
		}
		l.lose.Store(true)
		k.Want(program(k, app, "alice", code), errLost)
		if f, c := k.Reload("alice").Failures, live(); f != 1 || c.Guesses.InARow != 1 || c.Guesses.Chance != 1 {
			t.Errorf("counted %d, %+v", f, c.Guesses)
		}
		l.lose.Store(false)
		k.OK(program(k, app, "alice", code))
		if k.Reload("alice").Failures != 0 {
			t.Error("a right code leaves failures")
		}
		code = k.BypassCode("alice")
		l.lose.Store(true)
		for range 10 { // all attempts there are
			k.Want(program(k, app, "alice", code), errLost)
		}
		l.lose.Store(false)
		k.Want(program(k, app, "alice", code), user.ErrLocked)
		if k.Reload("alice").Status != user.LockedOut {
			t.Error("nothing locks the account out that has no attempt left, so nothing unlocks it")
		}
	})
}

// A code with another number of digits than any of the help desk's is compared with none of them.
func TestACodeOfAnotherLengthCostsNoDigest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		l := &looking{DB: db}
		k := flowkit.New(t, l)
		unlocked(k)
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		code := k.BypassCode("alice")
		k.Want(program(k, app, "alice", p.Wrong()), signin.ErrCodeWrong)
		k.Want(program(k, app, "alice", "12345678"), signin.ErrCodeWrong)
		k.OK(program(k, app, "alice", p.Code()))
		if n := l.looks.Load(); n != 0 {
			t.Errorf("%d digests", n)
		}
		k.OK(program(k, app, "alice", code))
		if n := l.looks.Load(); n != 1 {
			t.Errorf("%d digests for the code itself", n)
		}
	})
}

// RULE-43, with all defaults: somebody with the password guesses as fast as the lock-outs end, while the person goes on signing in,
// which clears all counts but the chance. The codes are off before the chance of a right guess is 1 in 1,000.
func TestAnAttackerOfAYearGetsAChanceOfOneInAThousand(t *testing.T) {
	for _, c := range []struct {
		kind, door string
		chance     int
	}{{"hotp", "browser", 6}, {"hotp", "program", 6}, {"totp", "program", 3}} {
		t.Run(c.kind+"/"+c.door, func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				app := k.Application("Payroll", passcodes(c.kind))
				p := k.Enrolled(app, "alice")
				try := func(code string) error {
					if c.door == "program" {
						return program(k, app, "alice", code)
					}
					return k.Begin(app, "alice").Code(code, transaction.SignIn)
				}
				end := k.Clock.Now().Add(365 * 24 * time.Hour)
				for k.Clock.Now().Before(end) {
					wrong := p.Wrong()
					for range 9 {
						try(wrong)
					}
					if p.Row().CodesOff() {
						k.Clock.Advance(30 * 24 * time.Hour) // nothing ends it
						continue
					}
					k.OK(try(p.Code())) // by its owner, who is not locked out yet
					k.Clock.Advance(30 * time.Minute)
				}
				if !p.Row().CodesOff() {
					t.Fatalf("the codes are on after a year of guesses: %+v", p.Row().Guesses)
				}
				looks := p.Row().Guesses.Chance / int64(c.chance*1000)
				if right := float64(looks) * float64(c.chance) / 1e6; right > 1e-3 || looks < 100 {
					t.Errorf("%d looks, right with a chance of %g", looks, right)
				}
			})
		})
	}
}

// RULE-43, with all defaults: whoever mistypes one code in ten meets no limit, neither at twenty sign-ins a day in a browser nor
// at one a day at a terminal; nor does the spare phone that is never used.
func TestWhoMistypesOneInTenMeetsNoLimit(t *testing.T) {
	k := flowkit.New(t, dbtest.SQLite(t)) // the statements are the same on both
	app := k.Application("Payroll", passcodes("hotp"))
	v, _, p := k.Manager(app, "alice")
	spare, err := k.Claim(k.PairPortal(v, "").Link)
	k.OK(err)
	k.OK(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn))
	k.Mails()
	dice := rand.New(rand.NewPCG(1, 1))
	signIn := func(try func(code string) error) {
		for dice.IntN(10) == 0 {
			k.Want(try(p.Wrong()), signin.ErrCodeWrong)
		}
		k.OK(try(p.Code()))
	}
	for range 20 * 20 { // each takes back all it added, so twenty days are as good as a year
		l := k.Begin(app, "alice")
		signIn(func(code string) error { return l.Code(code, transaction.SignIn) })
		for _, q := range []*flowkit.Phone{p, spare} {
			if g := q.Row().Guesses; g != (account.Guesses{}) {
				t.Fatalf("a browser sign-in leaves %+v", g)
			}
		}
		k.Clock.Advance(72 * time.Minute)
	}
	for range 365 {
		signIn(func(code string) error { return program(k, app, "alice", code) })
		k.Clock.Advance(24 * time.Hour)
	}
	for _, q := range []*flowkit.Phone{p, spare} {
		if g := q.Row().Guesses; g.HalfWay() || !g.Warned.IsZero() || g.Chance == 0 {
			t.Errorf("a year at a terminal leaves %+v", g)
		}
	}
	if got := told(k); got != nil {
		t.Errorf("told: %v", got)
	}
}

// AC-005: where no attempt is left a code is not looked at, so that nobody hears from the time an answer takes that it would
// be right: also in a sign-in that was read before the lock-out, as one whose form comes in slowly is.
func TestARightCodeIsNotToldFromAWrongOneWhereNoAttemptIsLeft(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		counted := &counting{DB: db}
		k := flowkit.New(t, counted)
		app := k.Application("Payroll", passcodes("hotp"))
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		before, elsewhere := l.Session(), l.Session()
		elsewhere.Read = k.Clock.Now().Add(-3 * time.Second) // then another node locked the account
		for range 10 {
			l.Code(p.Wrong(), transaction.SignIn)
		}
		writes := func(s signin.Session, code string) int64 {
			start := counted.writes.Load()
			k.Want(k.SignIn.Code(ctx, s, code, transaction.SignIn), user.ErrLocked)
			return counted.writes.Load() - start
		}
		right := p.Code()
		for what, s := range map[string]signin.Session{"read now": l.Session(), "read before": before, "read before another node": elsewhere} {
			if r, w := writes(s, right), writes(s, p.Wrong()); r != w {
				t.Errorf("%s: a right code takes %d changes, a wrong one %d", what, r, w)
			}
		}
		k.Rewire(func(*flowkit.Needs) {}) // a node that knows of no wrong code
		if r, w := writes(elsewhere, right), writes(elsewhere, p.Wrong()); r != w {
			t.Errorf("at another node: a right code takes %d changes, a wrong one %d", r, w)
		}
	})
}
