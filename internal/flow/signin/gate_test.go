package signin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

// and the ways past the gates.
func TestTheGatesRefuseAndLogInTheirOrder(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		layer := func(p policy.Policy) application.Application {
			return k.Application("Payroll", func(a *application.Application) { a.Policy = p })
		}
		plain := layer(policy.Policy{})
		for _, name := range []string{"disabled", "trashed", "locked", "bypass", "alice", "lost"} {
			k.Enrolled(plain, name)
		}
		k.Status("disabled", user.Disabled)
		k.Status("trashed", user.PendingDeletion)
		k.Status("bypass", user.Bypass)
		k.Write(func(st flow.Store) error {
			_, err := st.LockOut(context.Background(), k.Reload("locked").ID, k.Clock.Now())
			return err
		})
		lost, err := k.DB.Read().PhonesOf(context.Background(), k.Reload("lost").ID)
		k.OK(err)
		k.OK(k.Mobile.Leave(context.Background(), lost[0].ID, lost[0].KeyID))
		none := []string{}
		for _, c := range []struct {
			row, name string
			app       application.Application
			stage     login.Stage
			result    audit.Result
			reason    string // "" = no row
		}{
			{"X-01", "disabled", plain, login.Refused, audit.Denied, audit.UserDisabled},
			{"X-02", "locked", plain, login.Refused, audit.Denied, audit.LockedOut},
			{"X-03", "trashed", plain, login.Refused, audit.Denied, audit.UserDisabled},
			{"X-04", "nobody", layer(policy.Policy{NewUser: policy.NewUserDeny}), login.Refused, audit.Denied, audit.DenyUnenrolledUser},
			{"X-07", "alice", layer(policy.Policy{Authentication: policy.AuthenticationDeny}), login.Refused, audit.Denied, audit.DeniedByPolicy},
			{"X-07 before new users", "nobody", layer(policy.Policy{Authentication: policy.AuthenticationDeny}), login.Refused, audit.Denied, audit.DeniedByPolicy},
			{"X-08", "alice", layer(policy.Policy{Methods: none}), login.Open, audit.Denied, audit.FactorRestricted},
			{"X-08 nobody", "nobody", layer(policy.Policy{Methods: none}), login.Refused, audit.Denied, audit.FactorRestricted},
			{"status before policy", "disabled", layer(policy.Policy{Authentication: policy.AuthenticationBypass}), login.Refused, audit.Denied, audit.UserDisabled},
			{"A-21 bypass", "bypass", layer(policy.Policy{Authentication: policy.AuthenticationDeny}), login.Allowed, audit.Success, audit.BypassUser},
			{"H-06 bypass", "alice", layer(policy.Policy{Authentication: policy.AuthenticationBypass}), login.Allowed, audit.Success, audit.AllowedByPolicy},
			{"A-23 allow", "nobody", layer(policy.Policy{NewUser: policy.NewUserAllow}), login.Allowed, audit.Success, audit.AllowUnenrolledUser},
			{"A-23 enrol", "nobody", plain, login.Open, "", ""},
			{"RULE-11", "lost", plain, login.Refused, audit.Denied, audit.NoActivatedAccount},
			{"A-23 allow, a lost app", "lost", layer(policy.Policy{NewUser: policy.NewUserAllow}), login.Refused, audit.Denied, audit.NoActivatedAccount},
			{"challenge", "alice", plain, login.Open, "", ""},
		} {
			before := len(k.Log(c.name))
			l := k.Begin(c.app, c.name)
			if got := l.Stage(); got != c.stage {
				k.Errorf("%s: the sign-in is %s, want %s", c.row, got, c.stage)
			}
			if rows := k.Log(c.name)[before:]; c.reason == "" && len(rows) != 0 {
				k.Errorf("%s: logged %+v", c.row, rows)
			} else if c.reason != "" && (len(rows) != 1 || rows[0].Result != c.result || rows[0].Reason != c.reason || rows[0].TxID != l.Row().TxID) {
				k.Errorf("%s: logged %+v", c.row, rows)
			}
			_, err := l.Enter()
			if (err == nil) != (c.stage == login.Allowed) {
				k.Errorf("%s: entering gives %v", c.row, err)
			}
			if c.stage == login.Refused {
				k.Want(l.Code("123456", transaction.SignIn), login.ErrStale)
			}
		}
	})
}

// a code from the help desk keeps the field open where everything else is closed.
func TestABypassCodeOpensWhatTheGatesWouldRefuse(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		for name, p := range map[string]policy.Policy{
			"lost": {}, "denied": {NewUser: policy.NewUserDeny}, "restricted": {Methods: []string{}}, "new": {}, "nobody": {NewUser: policy.NewUserDeny},
		} {
			app := k.Application(name)
			if name == "new" || name == "nobody" {
				k.User(name)
			} else {
				phone := k.Enrolled(app, name)
				k.OK(phone.Leave())
			}
			app.Policy = p
			k.Save(app)
			code := k.BypassCode(name)
			l := k.Begin(app, name)
			k.OK(l.Code(code, transaction.SignIn))
			if r, err := l.Enter(); err != nil || r.Login.Factor != audit.FactorBypassCode {
				k.Errorf("%s: %+v, %v", name, r.Login, err)
			}
		}
	})
}

// AC-009
func TestAC009NoSpellingMakesANewPersonOrAnotherOne(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		first := k.Application("Payroll")
		k.Enrolled(first, "alice")
		k.Enrolled(first, "bob")
		alice := k.Reload("alice").ID
		variants := spellings("alice")
		if len(variants) < 500 {
			k.Fatalf("only %d variants", len(variants))
		}
		for _, newUser := range []policy.NewUser{policy.NewUserEnroll, policy.NewUserAllow, policy.NewUserDeny} {
			for _, form := range []application.Normalization{application.NormalizationSimple, application.NormalizationNone} {
				app := k.Application("App", func(a *application.Application) { a.Normalization, a.Policy.NewUser = form, newUser })
				for i, name := range variants {
					if i%6 != len(string(newUser)+string(form))%6 && i > 60 { // all of them over the six policies, the plain ones with each
						continue
					}
					g, err := k.SignIn.Gate(context.Background(), signin.Request{Application: app, Username: name})
					switch {
					case errors.Is(err, user.ErrNameInvalid):
					case err != nil:
						k.Fatalf("%q: %v", name, err)
					case g.User.ID == alice:
					case g.User.ID != "":
						k.Fatalf("%q is %s", name, g.User.Username)
					case g.Outcome == signin.OutcomeDeny && g.Reason == audit.DenyUnenrolledUser && form == application.NormalizationNone:
					default:
						k.Fatalf("%s, %s: %q is %s", newUser, form, name, g.Outcome)
					}
				}
			}
		}
	})
}

// spellings are ways in which one name may arrive.
func spellings(name string) []string {
	wide := func(s string) string {
		return strings.Map(func(r rune) rune { return r - 'a' + 'ａ' }, s)
	}
	title := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	bases := []string{name, strings.ToUpper(name), title(name), wide(name), strings.ToUpper(wide(name)), wide(name[:2]) + name[2:], "𝐚𝐥𝐢𝐜𝐞", "ⓐⓛⓘⓒⓔ", "𝒶𝓁𝒾𝒸ℯ", "aLiCe"}
	around := []string{"", " ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2003", "  ", "\u200b", "\u200e", "\u202e", "\ufeff", "\x00", "\u00ad", "\u2060", "|",
		"\ufe0f", "\U000e0101", "\u034f", "\u115f", "\u3164", "\uffa0"}
	var all []string
	for _, b := range bases {
		for _, s := range around {
			all = append(all, b+s, s+b, s+b+s)
		}
		for _, d := range []string{"DOM\\", "dom\\", "a\\b\\", "ＤＯＭ＼", "dom﹨", "\\", "@", "＠"} {
			all = append(all, d+b)
		}
		for _, d := range []string{"@example.edu", "@DOM", "＠dom", "@a@b", "﹫dom", "\\", "@", "\\@", "＼"} {
			all = append(all, b+d)
		}
		all = append(all, b+"\u0000", "\u202a"+b+"\u202c", "\xff"+b, b+"\xc3\x28")
	}
	return all
}

func TestAC009NamesOfAnyLengthAreNoAccident(t *testing.T) {
	k := flowkit.New(t, sqlite(t))
	app := k.Application("Payroll", func(a *application.Application) { a.Normalization = application.NormalizationNone })
	for n := 0; n <= 4096; n += 64 {
		for _, letter := range []string{"a", "ß", "𝐚", "\u0301", "ﷺ", "İ"} {
			_, err := k.SignIn.Gate(context.Background(), signin.Request{Application: app, Username: strings.Repeat(letter, n)})
			if err != nil && !errors.Is(err, user.ErrNameInvalid) {
				t.Fatalf("%d of %q: %v", n, letter, err)
			}
		}
	}
}

// The property of AC-009: a canonical name is its own canonical name, and so is the simple form.
func FuzzACanonicalNameIsItsOwn(f *testing.F) {
	for _, s := range spellings("alice") {
		f.Add(s)
	}
	f.Add("İstanbul")
	f.Add("ǅ ϔ ᾳ ẞ")
	f.Add("\\ @x")
	f.Fuzz(func(t *testing.T, name string) {
		once, err := user.Normalize(name)
		if err != nil {
			return
		}
		twice, err := user.Normalize(once)
		if err != nil || twice != once {
			t.Fatalf("%q becomes %q and then %q, %v", name, once, twice, err)
		}
		simple := user.Simple(once)
		if again, err := user.Normalize(simple); err != nil || again != simple {
			t.Fatalf("the simple form of %q is %q, which becomes %q, %v", once, simple, again, err)
		}
		if user.Simple(simple) != simple {
			t.Fatalf("the simple form of %q is %q, and of that %q", once, simple, user.Simple(simple))
		}
		if strings.IndexFunc(once, unicode.IsControl) >= 0 {
			t.Fatalf("%q has a control character", once)
		}
	})
}

// RULE-32: with names taken as they come, a name whose simple form belongs to somebody is never taken for a new person.
func TestRule32ASimpleFormThatIsKnownIsNeverEnrolled(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Normalization = application.NormalizationNone })
		k.Enrolled(app, "alice")
		for _, name := range []string{"alice@example.edu", "DOM\\alice", "DOM\\alice@example.edu"} {
			l := k.Begin(app, name)
			if l.Stage() != login.Refused || k.Last(l.Row().Username).Reason != audit.DenyUnenrolledUser {
				k.Errorf("%s: %s", name, l.Stage())
			}
		}
		if !k.Begin(app, "carol@example.edu").Row().Enrolling {
			k.Error("another name is not let in")
		}
	})
}

// AC-002 and AC-037: with a password alone nobody sets up a phone for somebody who has or had one.
func TestAC002AC037OnlySomebodyNewEnrolsInline(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "active")
		left := k.Enrolled(app, "left")
		k.OK(left.Leave())
		copied := k.Enrolled(app, "copied")
		k.Write(func(st flow.Store) error {
			return st.UnbindKey(context.Background(), copied.ID, phone.KeyCopied, k.Clock.Now())
		})
		k.User("dormant")
		k.Clock.Advance(90*24*time.Hour + time.Second)
		k.User("fresh")
		gone := k.Enrolled(app, "gone")
		k.Write(func(st flow.Store) error {
			_, err := st.DeletePhone(context.Background(), gone.ID, gone.Account.UserID, k.Clock.Now())
			return err
		})
		k.Mails()
		for _, name := range []string{"active", "left", "copied", "dormant", "gone"} {
			l := k.Begin(app, name)
			if l.Row().Enrolling {
				k.Errorf("%s may enrol", name)
			}
			if _, err := k.Claim(l.Pair().Link); err == nil { // straight at the next step
				k.Errorf("%s enrolled", name)
			}
			if _, err := k.Claim(l.Pair().Typed); err == nil {
				k.Errorf("%s enrolled by the typed code", name)
			}
		}
		if !k.Begin(app, "fresh").Row().Enrolling {
			k.Error("a new user may not enrol")
		}
		app.Policy.InlineReenrollment = "on"
		k.Save(app)
		k.Clock.Advance(time.Second)
		for name, want := range map[string]bool{"gone": true, "left": false, "dormant": false, "active": false} { // left lay unused for 90 days
			if got := k.Begin(app, name).Row().Enrolling; got != want {
				k.Errorf("with re-enrollment on, %s may enroll: %v", name, got)
			}
		}
	})
}

// AC-030
func TestAC030NothingUsableExistsBeforeTheLastFactor(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		mine, thiefs := k.Begin(app, "alice"), k.Begin(app, "alice")
		ids := map[string]bool{mine.ID: true, thiefs.ID: true, mine.Cookie.Reveal(): true, thiefs.Cookie.Reveal(): true}
		if len(ids) != 4 {
			k.Fatal("two sign-ins share a name or a cookie")
		}
		for _, l := range []*flowkit.Login{mine, thiefs} {
			_, err := l.Finish()
			k.Want(err, login.ErrStale)
		}
		if _, err := k.SignIn.Resume(context.Background(), mine.ID, thiefs.Cookie); !errors.Is(err, login.ErrStale) {
			k.Errorf("another browser's cookie gives %v", err)
		}
		if _, err := k.SignIn.Resume(context.Background(), mine.ID, secretText("")); !errors.Is(err, login.ErrCookie) {
			k.Errorf("no cookie gives %v", err)
		}
		if _, err := k.SignIn.Resume(context.Background(), "kept-as-a-bookmark-long", secretText("")); !errors.Is(err, login.ErrStale) {
			k.Errorf("an unknown address without a cookie gives %v", err)
		}
		k.OK(mine.Code(p.Code(), transaction.SignIn))
		_, err := thiefs.Finish()
		k.Want(err, login.ErrStale)
		k.Stale(mine)
		_, err = mine.Finish()
		k.Want(err, login.ErrStale)
	})
}

// an address kept as a bookmark tells to start again, and does not blame the browser's cookies.
func TestAnOldAddressWithoutACookieHasEnded(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		k.Enrolled(app, "alice")
		l := k.Begin(app, "alice")
		k.Clock.Advance(login.CookieDoubt)
		_, err := k.SignIn.Resume(context.Background(), l.ID, secretText(""))
		k.Want(err, login.ErrStale)
	})
}

// AC-030: what one person's sign-in shows is never another's.
func TestAC030ManyPeopleAtOnceSeeTheirOwn(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll", func(a *application.Application) { a.Policy.NewUser = policy.NewUserAllow })
		parallel(16, func(w int) error {
			for i := range 12 {
				name := fmt.Sprintf("person%d.%d", w, i)
				l, err := k.TryBegin(app, name, from(w*16+i))
				if err != nil {
					k.Error(err)
					return err
				}
				r, err := l.Enter()
				if err != nil || r.Login.Username != name || r.Login.ID != l.ID || r.Login.IP != flowkit.Address(w*16+i).String() {
					k.Errorf("%s: %+v, %v", name, r.Login, err)
				}
			}
			return nil
		})
	})
}

// AC-017
func TestAC017AFactorServesTheSignInItWasGivenFor(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, other := k.Application("Payroll"), k.Application("Library")
		a, b := k.Enrolled(app, "alice"), k.Enrolled(app, "bob")
		la, lb := k.Begin(app, "alice"), k.Begin(app, "bob")
		k.Want(la.Code(b.Code(), transaction.SignIn), signin.ErrCodeWrong)
		s := la.Session()
		for _, w := range lb.Session().Ways {
			if _, err := k.SignIn.Start(context.Background(), s, w.ID, transaction.SignIn); !errors.Is(err, signin.ErrNoWay) {
				k.Errorf("bob's phone in alice's sign-in: %v", err)
			}
		}
		ta, tb := s.Transaction, lb.Session().Transaction
		if _, err := b.Send(b.Answer(ta, "approve")); err == nil {
			k.Error("bob's phone answered alice's request")
		}
		k.OK(b.Approve(tb))
		if la.Stage() != login.Open || lb.Stage() != login.Allowed {
			k.Errorf("alice is %s and bob %s", la.Stage(), lb.Stage())
		}
		second := k.Begin(app, "alice") // another tab
		k.OK(a.Approve(ta))
		if second.Stage() != login.Open {
			k.Error("the approval of one tab signed the other in")
		}
		ticket, err := la.Finish()
		k.OK(err)
		_, err = k.SignIn.Collect(context.Background(), ticket, other.ID)
		k.Want(err, login.ErrGrant)
		r, err := k.SignIn.Collect(context.Background(), ticket, app.ID)
		if err != nil || r.User.Username != "alice" || r.Login.Username != "alice" {
			k.Errorf("the application learned %+v, %v", r.User, err)
		}
	})
}

// AC-014
func TestAC014ATicketIsCollectedOnceInTimeByItsApplication(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app, other := k.Application("Payroll"), k.Application("Library")
		p := k.Enrolled(app, "alice")
		ctx := context.Background()
		ticket := func() (*flowkit.Login, string) {
			l := k.Begin(app, "alice")
			k.OK(l.Code(p.Code(), transaction.SignIn))
			tk, err := l.Finish()
			k.OK(err)
			return l, tk.Reveal()
		}
		collect := func(tk string, app application.Application) error {
			_, err := k.SignIn.Collect(ctx, secretText(tk), app.ID)
			return err
		}
		_, tk := ticket()
		k.Want(collect(tk, other), login.ErrGrant)
		if ok := parallel(50, func(int) error { return collect(tk, app) }); ok != 1 {
			k.Errorf("%d of 50 collected", ok)
		}
		k.Want(collect(tk, app), login.ErrGrant)
		k.Want(collect("", app), login.ErrGrant)
		k.Want(collect("x", app), login.ErrGrant)

		_, tk = ticket()
		k.Clock.Advance(login.GrantLife)
		k.Want(collect(tk, app), login.ErrGrant)
		_, tk = ticket()
		k.Clock.Advance(login.GrantLife - time.Microsecond)
		k.OK(collect(tk, app))

		_, tk = ticket()
		k.Status("alice", user.Disabled)
		k.Want(collect(tk, app), login.ErrGrant)
		k.Status("alice", user.Active)
		_, tk = ticket()
		app.Disabled = true
		k.Save(app)
		k.Want(collect(tk, app), login.ErrGrant)
		app.Disabled = false
		k.Save(app)

		l, first := ticket() // a browser that goes back gets the same ticket, with what is left of its life
		k.Clock.Advance(login.GrantLife - time.Second)
		again, err := l.Finish()
		k.OK(err)
		if again.Reveal() != first {
			k.Error("a second ticket for one sign-in")
		}
		k.Clock.Advance(time.Second)
		k.Want(collect(first, app), login.ErrGrant)
		_, err = l.Finish()
		k.Want(err, login.ErrStale)
		l, first = ticket()
		k.OK(collect(first, app))
		_, err = l.Finish()
		k.Want(err, login.ErrStale)
	})
}
