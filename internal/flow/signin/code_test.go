package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/bypass"
	"countersign/internal/domain/login"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

func from(n int) func(*signin.Request) {
	return func(r *signin.Request) { r.IP = flowkit.Address(n) }
}

func passcodes(kind string) func(*application.Application) {
	return func(a *application.Application) { a.Policy.PasscodeType = kind }
}

func TestASignInByCodeEndsAtTheApplication(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.OK(l.Code(p.Code(), transaction.SignIn))
		r, err := l.Enter()
		k.OK(err)
		if r.User.Username != "alice" || r.Login.Factor != audit.FactorAppPasscode || r.Device == "" || r.Login.TxID == "" {
			k.Errorf("the application learned %+v", r)
		}
		last := k.Last("alice")
		if last.Result != audit.Success || last.Reason != audit.ValidPasscode || last.TxID != r.Login.TxID || last.Device.ID != p.ID {
			k.Errorf("logged %+v", last)
		}
	})
}

// AC-003 for codes made by counting.
func TestAC003ACountedCodeWorksOnceInAnySpelling(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", passcodes("hotp"))
		p := k.Enrolled(app, "alice")
		p.Next = 5 // codes 0 to 4 were looked at and not used
		code := p.Code()
		k.OK(k.Begin(app, "alice").Code(spaced(code), transaction.SignIn))
		for i, spelling := range []string{code, spaced(code), wide(code), arabic(code), code + " ", strings.Join(strings.Split(code, ""), "-")} {
			k.Want(k.Begin(app, "alice").Code(spelling, transaction.SignIn), signin.ErrCodeWrong)
			if got := k.Reload("alice").Failures; got != i+1 {
				k.Fatalf("after %q the count is %d", spelling, got)
			}
		}
		for c := uint64(0); c < 5; c++ { // earlier ones are spent with it
			if k.Reload("alice").Failures == 9 {
				break
			}
			k.Want(k.Begin(app, "alice").Code(p.CodeAt(c), transaction.SignIn), signin.ErrCodeWrong)
		}
	})
}

// AC-003, AC-064 for codes made by the clock.
func TestAC003AClockCodeWorksOnceAndOnlyOneStepAround(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", passcodes("totp"))
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1000 })
		p := k.Enrolled(app, "alice")
		k.Clock.Advance(10 * time.Minute)
		step := uint64(k.Clock.Now().Unix() / 30)
		try := func(code string) error { return k.Begin(app, "alice").Code(code, transaction.SignIn) }
		k.Want(try(p.CodeAt(step-2)), signin.ErrCodeWrong)
		k.Want(try(p.CodeAt(step+2)), signin.ErrCodeWrong)
		k.OK(try(p.CodeAt(step - 1)))
		k.OK(try(p.CodeAt(step)))
		k.Want(try(p.CodeAt(step-1)), signin.ErrCodeWrong) // never back
		code := p.CodeAt(step + 1)
		k.OK(try(code))
		for i := 0; i < 4; i++ { // at each step of the window
			for _, spelling := range []string{code, spaced(code), wide(code), arabic(code)} {
				k.Want(try(spelling), signin.ErrCodeWrong)
			}
			k.Clock.Advance(30 * time.Second)
		}
	})
}

// AC-065, D-30
func TestAC065TheWindowAheadIsFiveCodesAndThreeInARowResynchronize(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1000 })
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		try := func(counter uint64) error { return k.Begin(app, "alice").Code(p.CodeAt(counter), transaction.SignIn) }
		next := func() uint64 { return uint64(p.Row().OTP.Counter) }
		k.OK(try(next() + 5))
		if got := next(); got != 6 {
			k.Fatalf("the counter stands at %d", got)
		}
		c := next() + 6
		k.Want(try(c), signin.ErrCodeAgain)
		k.Want(try(c+1), signin.ErrCodeAgain)
		k.OK(try(c + 2))
		if k.Reload("alice").Failures != 0 {
			k.Error("a success leaves failures")
		}
		k.Want(try(c), signin.ErrCodeWrong) // spent with it
		c = next() + 1000
		k.Want(try(c+1), signin.ErrCodeWrong) // beyond the thousand
		k.Want(try(c-2), signin.ErrCodeAgain)
		k.Want(try(c-1), signin.ErrCodeAgain)
		k.Clock.Advance(5*time.Minute + time.Second)
		k.Want(try(c), signin.ErrCodeAgain) // too late: it begins a new run
		if f := k.Reload("alice").Failures; f != 5 {
			k.Errorf("%d attempts were counted, want 5: the steps count too", f)
		}
		c = next() + 100
		k.Want(try(c), signin.ErrCodeAgain)
		k.Want(try(c+2), signin.ErrCodeAgain) // not consecutive: a run of its own
		k.Want(try(c+1), signin.ErrCodeAgain)
		k.Want(try(c+2), signin.ErrCodeAgain)
		k.OK(try(c + 3))
	})
}

func TestTheSecondPhonesCodeLeavesTheFirstPhoneAsItIs(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		v, _, first := k.Manager(app, "alice")
		second, err := k.Claim(k.PairPortal(v, "").Link)
		k.OK(err)
		far := map[string]bool{} // codes that would begin a run on the first phone
		at := uint64(first.Row().OTP.Counter)
		for c := uint64(6); c <= 1000; c++ {
			far[first.CodeAt(at+c)] = true
		}
		for !far[second.CodeAt(second.Next)] {
			second.Next++
		}
		k.Write(func(st flow.Store) error {
			return st.SpendPasscode(context.Background(), second.Row(), int64(second.Next), k.Clock.Now())
		})
		before := first.Row().OTP
		k.OK(k.Begin(app, "alice").Code(second.Code(), transaction.SignIn))
		if after := first.Row().OTP; after.ResyncCount != 0 || after.Counter != before.Counter {
			k.Errorf("the first phone's codes moved from %+v to %+v", before, after)
		}
	})
}

// AC-004
func TestAC004OfFiftyParallelUsesOfACodeOneCounts(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 1000 })
		hotp, totp := k.Application("Payroll"), k.Application("Library", passcodes("totp"))
		a, b := k.Enrolled(hotp, "alice"), k.Enrolled(totp, "bob")
		k.Clock.Advance(5 * time.Minute)
		for name, use := range map[string]struct {
			app  application.Application
			code string
		}{"alice": {hotp, a.Code()}, "bob": {totp, b.Code()}, "carol": {hotp, ""}} {
			if name == "carol" {
				k.User("carol")
				use.code = k.BypassCode("carol")
			}
			if ok := parallel(50, func(int) error { return k.Begin(use.app, name).Code(use.code, transaction.SignIn) }); ok != 1 {
				k.Errorf("%s: %d of 50 were let in", name, ok)
			}
			if n := k.Count(name, audit.ValidPasscode); n != 1 {
				k.Errorf("%s: %d uses logged", name, n)
			}
		}
	})
}

// parallel runs f n times at once and counts the successes.
func parallel(n int, f func(i int) error) int {
	var ok atomic.Int64
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Add(1)
		go func() {
			defer done.Done()
			start.Wait()
			if f(i) == nil {
				ok.Add(1)
			}
		}()
	}
	start.Done()
	done.Wait()
	return int(ok.Load())
}

// AC-005
func TestAC005AThousandGuessesGetTheLimitOfLooks(t *testing.T) {
	for _, c := range []struct{ limit, guesses int }{{10, 1000}, {1, 200}, {100, 400}} {
		t.Run(fmt.Sprint(c.limit), func(t *testing.T) {
			flowkit.Each(t, func(k *flowkit.Kit) {
				k.Settings(func(s *settings.Settings) { s.LockoutThreshold, s.FraudEmail = c.limit, "desk@example.edu" })
				app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
				p := k.Enrolled(app, "alice")
				wrong := p.Wrong()
				var locked atomic.Int64
				parallel(20, func(w int) error {
					for i := w; i < c.guesses; i += 20 {
						l, err := k.TryBegin(app, "alice", from(i%200))
						if err != nil {
							return err
						}
						if l.Row().Stage == login.Refused {
							locked.Add(1)
							continue
						}
						if err := l.Code(wrong, transaction.SignIn); errors.Is(err, user.ErrLocked) {
							locked.Add(1)
						} else if !errors.Is(err, signin.ErrCodeWrong) {
							k.Errorf("guess %d: %v", i, err)
						}
					}
					return nil
				})
				if looks := k.Count("alice", audit.InvalidPasscode); looks != c.limit {
					k.Errorf("%d guesses were looked at, want %d", looks, c.limit)
				}
				if int(locked.Load()) != c.guesses-c.limit+1 { // the last look is told that it was the last
					k.Errorf("%d guesses found the door locked, want %d", locked.Load(), c.guesses-c.limit+1)
				}
				lockedOut(k, app, p)
			})
		})
	}
}

// AC-005 over the prompt and over a door without a browser: one count.
func TestAC005GuessesOverAllDoorsShareOneCount(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.FraudEmail = "desk@example.edu" })
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
		p := k.Enrolled(app, "alice")
		wrong := p.Wrong()
		parallel(10, func(w int) error {
			for i := range 10 {
				if w%2 == 0 {
					if l := k.Begin(app, "alice", from(i)); l.Stage() == login.Open {
						l.Code(wrong, transaction.SignIn)
					}
					continue
				}
				r := signin.Request{Application: app, Username: "alice", IP: flowkit.Address(i)}
				g, err := k.SignIn.Gate(context.Background(), r)
				k.OK(err)
				tx, err := k.SignIn.Prove(context.Background(), signin.Attempt{Gate: g, Request: r}, wrong)
				if err == nil && (tx.State != transaction.Denied || tx.Reason != audit.InvalidPasscode) {
					k.Errorf("a wrong code gives %+v", tx)
				}
			}
			return nil
		})
		if looks := k.Count("alice", audit.InvalidPasscode); looks != 10 {
			k.Errorf("%d guesses were looked at", looks)
		}
		lockedOut(k, app, p)
	})
}

func lockedOut(k *flowkit.Kit, app application.Application, p *flowkit.Phone) {
	k.Helper()
	if u := k.Reload("alice"); u.Status != user.LockedOut {
		k.Fatalf("the user is %+v", u)
	}
	var told []string
	for _, m := range k.Mails() {
		if m.Kind == "locked_out" {
			told = append(told, m.To)
		}
	}
	if len(told) != 2 || told[0] != "alice@example.edu" || told[1] != "desk@example.edu" {
		k.Errorf("told about the lock-out: %v", told)
	}
	l := k.Begin(app, "alice")
	if l.Stage() != login.Refused || k.Last("alice").Reason != audit.LockedOut {
		k.Errorf("the right person is %s, logged %s", l.Stage(), k.Last("alice").Reason)
	}
	k.Want(l.Code(p.Code(), transaction.SignIn), login.ErrStale)
	k.Clock.Advance(30*time.Minute - time.Microsecond)
	if k.Begin(app, "alice").Stage() != login.Refused {
		k.Error("unlocked too early: looking again moved the end of the lock-out")
	}
	k.Clock.Advance(time.Microsecond)
	l = k.Begin(app, "alice")
	if p.Row().CodesOff() { // a hundred in a row: no lock-out that ends turns them on again
		k.Want(l.Code(p.Code(), transaction.SignIn), signin.ErrCodesOff)
		return
	}
	k.OK(l.Code(p.Code(), transaction.SignIn))
	if u := k.Reload("alice"); u.Status != user.Active || u.Failures != 0 {
		k.Errorf("after the lock-out: %+v", u)
	}
}

func TestASignInThatWasOpenBeforeTheLockOutGoesOnAfterIt(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold, s.LockoutMinutes = 3, 5 })
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		for range 2 {
			k.Want(l.Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		}
		k.Want(l.Code(p.Wrong(), transaction.SignIn), user.ErrLocked)
		k.Want(l.Code(p.Code(), transaction.SignIn), user.ErrLocked)
		if last := k.Last("alice"); last.Reason != audit.LockedOut || last.Result != audit.Denied {
			k.Errorf("an attempt at a locked account was logged as %+v", last)
		}
		k.Clock.Advance(5 * time.Minute)
		k.OK(l.Code(p.Code(), transaction.SignIn))
	})
}

// A threshold lowered below somebody's count must not shut them out for good.
func TestALoweredThresholdLocksOutAndUnlocksByItself(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"passcode"} })
		p := k.Enrolled(app, "alice")
		for range 7 {
			k.Want(k.Begin(app, "alice").Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		}
		k.Settings(func(s *settings.Settings) { s.LockoutThreshold = 5 })
		k.Want(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn), user.ErrLocked)
		if u := k.Reload("alice"); u.Status != user.LockedOut {
			k.Fatalf("nobody can unlock %+v", u)
		}
		k.Clock.Advance(30 * time.Minute)
		k.OK(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn))
	})
}

func TestAResentRequestDoesNotResetTheCount(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.Want(l.Code(p.Wrong(), transaction.SignIn), signin.ErrCodeWrong)
		_, err := l.Push(transaction.SignIn)
		k.OK(err)
		k.Begin(app, "alice")
		if f := k.Reload("alice").Failures; f != 1 {
			k.Errorf("%d failures, want 1", f)
		}
	})
}

// AC-006
func TestAC006ABypassCodeWorksAsOftenAsItSaysAndNoLonger(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.User("alice")
		try := func(code string) error { return k.Begin(app, "alice").Code(code, transaction.SignIn) }
		code := k.BypassCode("alice", func(r *directory.BypassRequest) { r.Uses = 3 })
		for range 3 {
			k.OK(try(spaced(code)))
		}
		denied(k, try, code)

		code = k.BypassCode("alice")
		k.Clock.Advance(bypass.DefaultLife)
		denied(k, try, code)

		code = k.BypassCode("alice", func(r *directory.BypassRequest) { r.Uses = 5; r.Life = 0 })
		if ok := parallel(20, func(int) error { return try(code) }); ok != 5 {
			k.Errorf("%d parallel uses of 5", ok)
		}
		k.Directory.Unlock(context.Background(), directory.CommandLine, "alice")

		own := k.BypassCode("alice", func(r *directory.BypassRequest) { r.Code = secretText("314159") })
		k.OK(try(own)) // six digits are a bypass code too
		k.BypassCode("alice")
		before := k.Reload("alice").Failures
		k.Want(try("123456780"), signin.ErrCodeWrong)
		if k.Reload("alice").Failures != before+1 {
			k.Error("a guessed bypass code did not count")
		}
		if last := k.Last("alice"); last.Reason != audit.InvalidPasscode {
			k.Errorf("logged %+v", last)
		}
	})
}

// denied wants a code that is over refused, with the field held open by another live code.
func denied(k *flowkit.Kit, try func(string) error, code string) {
	k.Helper()
	k.BypassCode("alice", func(r *directory.BypassRequest) { r.PreserveExisting = true })
	k.Want(try(code), signin.ErrCodeWrong)
}

func TestACodeForALoginThatEndsMeanwhileIsSpentAllTheSame(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		s := l.Session()
		code := p.Code()
		k.OK(k.SignIn.Code(context.Background(), s, code, transaction.SignIn))
		again := p.Code()
		k.Want(k.SignIn.Code(context.Background(), s, again, transaction.SignIn), login.ErrStale) // a second tab, read before
		k.Want(k.Begin(app, "alice").Code(again, transaction.SignIn), signin.ErrCodeWrong)
	})
}

// AC-057: what a wrong code is answered with says nothing about why.
func TestAC057EveryWrongCodeHasOneAnswer(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.Methods = []string{"push"} })
		p := k.Enrolled(app, "alice")
		bob := k.Enrolled(app, "bob")
		gone := k.BypassCode("alice")
		k.OK(k.Begin(app, "alice").Code(gone, transaction.SignIn))
		k.BypassCode("alice")
		for _, code := range []string{"", "x", "000000", p.Code(), bob.Code(), gone, k.BypassCode("bob"), strings.Repeat("9", 300), "12345678901234567", "a\x00b", "🐈🐈🐈🐈🐈🐈"} {
			err := k.Begin(app, "alice").Code(code, transaction.SignIn)
			if !errors.Is(err, signin.ErrCodeWrong) {
				if u := k.Reload("alice"); u.Status == user.LockedOut {
					k.Directory.Unlock(context.Background(), directory.CommandLine, "alice")
					continue
				}
				k.Errorf("%q gave %v", code, err)
			}
		}
	})
}

// It reads what one guess costs the database: SQLite alone, since the statements are the same.
func TestASignInByCodeTakesFewStatements(t *testing.T) {
	counted := &counting{DB: dbtest.SQLite(t)}
	k := flowkit.New(t, counted)
	app := k.Application("Payroll")
	p := k.Enrolled(app, "alice")
	k.OK(k.Begin(app, "alice").Code(p.Code(), transaction.SignIn)) // the code is the way from now on
	counted.reads.Store(0)
	counted.writes.Store(0)
	l := k.Begin(app, "alice", func(r *signin.Request) { r.IP = netip.MustParseAddr("192.0.2.1") })
	k.OK(l.Code(p.Code(), transaction.SignIn))
	_, err := l.Enter()
	k.OK(err)
	if w := counted.writes.Load(); w > 4 {
		t.Errorf("%d database transactions write, want at most 4", w)
	}
	if r := counted.reads.Load(); r > 12 {
		t.Errorf("%d times a store for reading is asked for", r)
	}
}

// counting counts uses of a database.
type counting struct {
	flow.DB
	reads, writes atomic.Int64
}

func (c *counting) Read() flow.Store {
	c.reads.Add(1)
	return c.DB.Read()
}

func (c *counting) Write(ctx context.Context, change func(flow.Store) error) error {
	c.writes.Add(1)
	return c.DB.Write(ctx, change)
}

func spaced(code string) string { return code[:3] + " " + code[3:] }

func wide(code string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
}

func arabic(code string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '٠' }, code)
}
