package signin_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"countersign/internal/domain/account"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// state is one state a sign-in can be in, in the words of the table below.
type state struct {
	signin.Session
	purpose transaction.Purpose
	raised  bool // the epoch, since the proof
}

func (x *state) manage() bool  { return x.purpose == transaction.Manage }
func (x *state) allowed() bool { return x.Login.Stage == login.Allowed }

// shut: the device pages, where self-service is off.
func (x *state) shut() bool { return x.manage() && !x.Application.SelfService }

// over: the sign-in is finished.
func (x *state) over() bool { return !x.shut() && x.Login.Stage == login.Finished }

// barred: status, gates or policy say no.
func (x *state) barred() bool {
	bad := x.User.Status == user.Disabled || x.User.Status == user.LockedOut || x.User.Status == user.PendingDeletion
	denied := x.Policy.Authentication == policy.AuthenticationDeny && x.Application.Type != application.TypePortal
	return bad || x.Login.Stage == login.Refused || x.Login.Stage == login.Open && denied
}

// lost: what let them in is good no more. Its epoch is over, policy says no by now, or nobody is there whose proof it could be.
func (x *state) lost() bool {
	denied := x.Policy.Authentication == policy.AuthenticationDeny && x.Application.Type != application.TypePortal
	unasked := x.Login.Factor == audit.FactorNone
	nobody := x.User.ID == "" && !unasked
	return x.allowed() && (x.raised || nobody || denied)
}

// good: none of these.
func (x *state) good() bool { return !x.shut() && !x.over() && !x.barred() && !x.lost() }

func (x *state) fresh() bool {
	return !x.Login.ManageProof.IsZero() && x.Login.ManageProof.After(noon.Add(-session.ProofLife))
}

func (x *state) newcomer() bool { return !x.allowed() && x.Login.Enrolling && len(x.Ways) == 0 }

// nobody: the device pages of somebody who is no user.
func (x *state) nobody() bool { return x.good() && !x.newcomer() && x.manage() && x.User.ID == "" }

func (x *state) asked() bool {
	return x.good() && !x.newcomer() && !x.nobody() && (!x.allowed() || x.manage() && !x.fresh())
}

func (x *state) waiting() bool {
	t := x.Transaction
	return t.State == transaction.Pending && t.Expires.After(noon) && (t.Purpose == transaction.Manage || !x.manage())
}

func (x *state) entered() bool { return x.good() && x.allowed() && !x.manage() }

func (x *state) helped() bool {
	return x.Login.Factor == audit.FactorBypassCode && x.fresh() && !x.Login.RecoveryAsked && x.Application.SelfService
}

func (x *state) wantsSpare() bool {
	one := len(x.Ways) == 1 || len(x.Ways) == 2 && x.Ways[0].PhoneID == x.Ways[1].PhoneID
	proved := x.Login.Factor == audit.FactorPush
	can := x.Application.SelfService || x.fresh() && x.Login.Door != login.DoorFrame
	rested := x.User.SpareReminders == 0 || x.User.SpareReminders < policy.SpareReminders && !x.User.SpareReminded.After(noon.Add(-7*24*time.Hour))
	due := x.Policy.Spare == policy.SpareRequire || x.Policy.Spare == policy.SpareRemind && rested
	return !x.Login.SpareAsked && one && proved && can && due
}

// steps says what is asked next, and when. Exactly one row is true of each state.
var steps = []struct {
	when string
	is   func(*state) bool
	kind signin.Kind
}{
	{"the device pages are turned off", (*state).shut, signin.Refused},
	{"the sign-in is finished", (*state).over, signin.Done},
	{"the person may not go on", func(x *state) bool { return !x.shut() && !x.over() && x.barred() }, signin.Refused},
	{"what let them in is good no more", func(x *state) bool { return !x.shut() && !x.over() && !x.barred() && x.lost() }, signin.Refused},
	{"somebody new has no device yet", func(x *state) bool { return x.good() && x.newcomer() }, signin.Enroll},
	{"nobody is there whose devices they would be", (*state).nobody, signin.Refused},
	{"a request waits on a phone", func(x *state) bool { return x.asked() && x.waiting() }, signin.Waiting},
	{"a proof is missing", func(x *state) bool { return x.asked() && !x.waiting() }, signin.Prove},
	{"the proof for the device pages is there", func(x *state) bool { return x.good() && !x.nobody() && x.allowed() && x.manage() && x.fresh() }, signin.Done},
	{"the help desk let them in", func(x *state) bool { return x.entered() && x.helped() }, signin.Recover},
	{"they have one way in where two are wanted", func(x *state) bool { return x.entered() && !x.helped() && x.wantsSpare() }, signin.Spare},
	{"nothing is left to ask", func(x *state) bool { return x.entered() && !x.helped() && !x.wantsSpare() }, signin.Done},
}

// Every state there is has one step, and no step lets anybody through whom it must not.
func TestEveryStateOfASignInHasOneStep(t *testing.T) {
	reached, total := make([]int, len(steps)), 0
	everyState(func(x *state) {
		step := signin.Next(x.Session, noon, x.purpose)
		rows := 0
		for i, row := range steps {
			if row.is(x) {
				rows++
				reached[i]++
				if row.kind != step.Kind {
					t.Fatalf("%s: %s, want %s\n%s", row.when, step.Kind, row.kind, x)
				}
			}
		}
		if rows != 1 {
			t.Fatalf("%d rows are true of\n%s", rows, x)
		}
		for _, rule := range never {
			if rule.broken(x, step) {
				t.Fatalf("%s\n%+v\n%s", rule.never, step, x)
			}
		}
		total++
	})
	for i, n := range reached {
		if n == 0 {
			t.Errorf("no state in which %s", steps[i].when)
		}
	}
	t.Logf("%d states", total)
}

// never are the rules that hold whatever the order of the rows.
var never = []struct {
	never  string
	broken func(x *state, s signin.Step) bool
}{
	{"done without an allowed sign-in", func(x *state, s signin.Step) bool {
		return s.Kind == signin.Done && !x.allowed() && x.Login.Stage != login.Finished
	}},
	{"the device pages opened without a fresh proof", func(x *state, s signin.Step) bool {
		return s.Kind == signin.Done && x.manage() && x.Login.Stage != login.Finished && !(x.fresh() && x.Application.SelfService)
	}},
	{"somebody passes by a proof that is good no more", func(x *state, s signin.Step) bool { return s.Passes() && x.lost() && !x.over() }},
	{"somebody who is barred passes, or is asked for anything", func(x *state, s signin.Step) bool {
		return x.Login.Stage != login.Finished && x.barred() && s.Kind != signin.Refused
	}},
	{"passed by an open or refused sign-in", func(x *state, s signin.Step) bool {
		return s.Passes() && (x.Login.Stage == login.Open || x.Login.Stage == login.Refused)
	}},
	{"passed without the spare way that is demanded", func(x *state, s signin.Step) bool {
		return s.Passes() && s.Kind == signin.Spare && x.Policy.Spare == policy.SpareRequire
	}},
	{"asked to prove again what signs in", func(x *state, s signin.Step) bool { return s.Asks() && x.allowed() && !x.manage() }},
	{"asked to prove what is proved", func(x *state, s signin.Step) bool { return s.Asks() && x.allowed() && x.fresh() }},
	{"refused without a reason, or the reason without the refusal", func(x *state, s signin.Step) bool {
		return (s.Kind == signin.Refused) != (s.Reason != nil && !s.Asks())
	}},
	{"a proof asked for without a way and without a word why", func(x *state, s signin.Step) bool {
		return s.Asks() && (len(x.Ways) == 0) != (s.Reason != nil)
	}},
	{"waiting for a request that is decided or too old", func(x *state, s signin.Step) bool {
		return s.Kind == signin.Waiting && (s.Request.State != transaction.Pending || !s.Request.Expires.After(noon))
	}},
	{"a request shown where its approval opens nothing", func(x *state, s signin.Step) bool {
		return s.Request.ID != "" && x.manage() && s.Request.Purpose != transaction.Manage
	}},
	{"a spent request shown", func(x *state, s signin.Step) bool {
		return s.Request.State == transaction.Approved || s.Request.State == transaction.Cancelled
	}},
	{"somebody set up who has a way in", func(x *state, s signin.Step) bool { return s.Kind == signin.Enroll && len(x.Ways) > 0 }},
	{"a question after the sign-in of somebody who proved nothing", func(x *state, s signin.Step) bool {
		none := x.Login.Factor == audit.FactorNone || x.Login.Factor == audit.FactorRemembered
		return (s.Kind == signin.Spare || s.Kind == signin.Recover) && (none || x.manage())
	}},
	{"reminders left of a demand, or fewer than none", func(x *state, s signin.Step) bool {
		return s.Left < 0 || s.Left > 0 && !s.MayWait
	}},
}

func (x *state) String() string {
	return fmt.Sprintf("%s of %+v at %s, policy %+v, user %+v, self-service %v, ways %v, request %+v",
		x.purpose, x.Login, x.Application.Type, x.Policy, x.User, x.Application.SelfService, x.Ways, x.Transaction)
}

var (
	push   = signin.Way{ID: "push:1", Method: policy.MethodPush, PhoneID: "1"}
	codes  = signin.Way{ID: "code:1", Method: policy.MethodPasscode, PhoneID: "1"}
	second = signin.Way{ID: "push:2", Method: policy.MethodPush, PhoneID: "2"}
)

func request(state transaction.State, purpose transaction.Purpose, expires time.Time) transaction.Transaction {
	return transaction.Transaction{ID: "T", State: state, Purpose: purpose, Expires: expires}
}

// reminders of a spare way, of whom one more is due or not.
var reminders = []struct {
	times int
	ago   time.Duration
}{{0, 0}, {1, 7*24*time.Hour - time.Second}, {policy.SpareReminders - 1, 7 * 24 * time.Hour}, {policy.SpareReminders, 30 * 24 * time.Hour}}

// everyState walks the product of all that a step depends on. What follows a proof is varied where there was one.
func everyState(see func(*state)) {
	soon := noon.Add(time.Second)
	requests := []transaction.Transaction{{}, request(transaction.Pending, transaction.SignIn, soon), request(transaction.Pending, transaction.Manage, soon),
		request(transaction.Pending, transaction.Manage, noon), request(transaction.Denied, transaction.SignIn, soon), request(transaction.Approved, transaction.Manage, soon)}
	var x state
	x.Phones, x.DeskCodes, x.User.Epoch = []phone.Phone{{ID: push.PhoneID, KeyID: "K"}, {ID: second.PhoneID}}, []string{"C"}, 1
	proved := func() { // x as its proof makes it, at this epoch and at one before
		plain := x
		for _, x.raised = range []bool{false, true} {
			x.Login.Manage = account.Proof{Factor: audit.FactorPush, Authenticator: "K", Epoch: 1}
			x.Login.Proof = x.Login.Manage
			switch x.Login.Factor {
			case audit.FactorBypassCode:
				x.Login.Proof = account.Proof{Factor: audit.FactorBypassCode, Authenticator: "C", Epoch: 1}
			case audit.FactorNone:
				x.Login.Proof, x.Login.Reason = account.Proof{Factor: audit.FactorNone, Epoch: 1}, audit.AllowedByPolicy
				if x.Policy.Authentication != policy.AuthenticationDeny || x.Application.Type == application.TypePortal {
					x.Policy.Authentication = policy.AuthenticationBypass
				}
			}
			if x.raised {
				x.Login.Proof.Epoch, x.Login.Manage.Epoch = 0, 0
			}
			if x.Login.Stage == login.Allowed || !x.raised {
				see(&x)
			}
			x = plain
		}
	}
	after := func() {
		proved()
		if x.Login.Stage != login.Allowed || x.Transaction.ID != "" { // what was asked before does not matter then
			return
		}
		plain := x
		for _, x.Login.Factor = range []string{audit.FactorNone, audit.FactorBypassCode, audit.FactorPush, audit.FactorRemembered} {
			for _, x.Login.RecoveryAsked = range []bool{false, true} {
				for _, x.Login.SpareAsked = range []bool{false, true} {
					for _, x.Policy.Spare = range []policy.Spare{policy.SpareOff, policy.SpareRemind, policy.SpareRequire} {
						for _, reminded := range reminders {
							x.User.SpareReminders, x.User.SpareReminded = reminded.times, noon.Add(-reminded.ago)
							proved()
						}
					}
				}
			}
		}
		x = plain
	}
	proofs := func() {
		for _, x.Login.ManageProof = range []time.Time{{}, noon.Add(-session.ProofLife + time.Second), noon.Add(-session.ProofLife)} {
			for _, x.Transaction = range requests {
				for _, x.Ways = range [][]signin.Way{nil, {codes}, {push, codes}, {push, second}} {
					after()
				}
			}
		}
	}
	for _, x.purpose = range []transaction.Purpose{transaction.SignIn, transaction.Manage} {
		for _, x.Application.SelfService = range []bool{false, true} {
			for _, x.Application.Type = range []application.Type{application.TypeWebSDK, application.TypePortal} {
				for _, x.Policy.Authentication = range []policy.Authentication{policy.AuthenticationEnforce, policy.AuthenticationDeny} {
					for _, x.Login.Door = range []string{"oidc", login.DoorFrame} {
						for _, x.Login.Stage = range []login.Stage{login.Open, login.Allowed, login.Finished, login.Refused} {
							for _, x.Login.Enrolling = range []bool{false, true} {
								for _, x.User.Status = range []user.Status{"", user.Active, user.Bypass, user.Disabled, user.LockedOut, user.PendingDeletion} {
									x.User.ID = string(x.User.Status) // without a status there is nobody
									proofs()
								}
							}
						}
					}
				}
			}
		}
	}
}

// A request in any state, for any purpose, on both kinds of page.
func TestWhichRequestAPageShows(t *testing.T) {
	base := signin.Session{Login: login.Login{Stage: login.Open, UserID: "U"}, User: user.User{ID: "U", Status: user.Active}, Ways: []signin.Way{push},
		Application: application.Application{SelfService: true}}
	shown := []transaction.State{transaction.Pending, transaction.Denied, transaction.Fraud, transaction.WrongNumber, transaction.TimedOut}
	for _, state := range append(slices.Clone(shown), transaction.Approved, transaction.Cancelled) {
		for _, asked := range []transaction.Purpose{transaction.SignIn, transaction.Pairing, transaction.Manage} {
			for _, page := range []transaction.Purpose{transaction.SignIn, transaction.Manage} {
				for _, left := range []time.Duration{time.Second, 0} {
					s := base
					s.Transaction = request(state, asked, noon.Add(left))
					before := s
					step := signin.Next(s, noon, page)
					show := slices.Contains(shown, state) && (page == transaction.SignIn || asked == transaction.Manage)
					if (step.Request.ID != "") != show || (step.Kind == signin.Waiting) != (show && state == transaction.Pending && left > 0) || step.Way != push {
						t.Errorf("%s for %s on a page for %s, %v left: %+v", state, asked, page, left, step)
					}
					if !reflect.DeepEqual(s, before) {
						t.Error("the session was changed")
					}
				}
			}
		}
	}
}

// What a page says to whom: every reason has its sentence.
func TestTheReasonsOfARefusal(t *testing.T) {
	refused := func(reason, name string, rule policy.NewUser) signin.Session {
		return signin.Session{Login: login.Login{Stage: login.Refused, Reason: reason, Username: name}, Policy: policy.Policy{NewUser: rule}}
	}
	status := func(s user.Status, minutes int) signin.Session {
		out := signin.Session{Login: login.Login{Stage: login.Open}, User: user.User{Status: s, LockedAt: noon}}
		out.Settings.LockoutMinutes = minutes
		return out
	}
	noWay := func(reason string, phones ...phone.Phone) signin.Session {
		return signin.Session{Login: login.Login{Stage: login.Open, Reason: reason}, User: user.User{Status: user.Active}, Phones: phones}
	}
	for _, c := range []struct {
		s    signin.Session
		code string
	}{
		{status(user.LockedOut, 30), "user.locked.until"}, {status(user.LockedOut, -1), "user.locked"},
		{status(user.Disabled, 30), "user.disabled"}, {status(user.PendingDeletion, 30), "user.trash"},
		{refused(audit.LockedOut, "ana", ""), "user.locked"}, {refused(audit.UserDisabled, "ana", ""), "user.disabled"},
		{refused(audit.NoActivatedAccount, "ana", ""), "user.lost"}, {refused(audit.FactorRestricted, "ana", ""), "way.none"},
		{refused(audit.DenyUnenrolledUser, "ana", policy.NewUserDeny), "user.unenrolled"}, {refused(audit.DenyUnenrolledUser, "ana", policy.NewUserEnroll), "user.unenrolled"},
		{refused(audit.DenyUnenrolledUser, "ana@example.edu", policy.NewUserEnroll), "user.name.similar"},
		{refused(audit.DenyUnenrolledUser, "ana@example.edu", policy.NewUserDeny), "user.unenrolled"}, {refused(audit.DeniedByPolicy, "ana", ""), "way.denied"},
		{noWay(audit.NoActivatedAccount), "user.lost"}, {noWay(""), "user.codes"},
		{noWay(audit.FactorRestricted, phone.Phone{KeyID: "K", OTP: phone.OTP{Seed: []byte("x")}}), "way.none"},
	} {
		if step := signin.Next(c.s, noon, transaction.SignIn); step.Reason == nil || step.Reason.Code != c.code {
			t.Errorf("%+v %+v: %v, want %s", c.s.Login, c.s.User, step.Reason, c.code)
		}
	}
}
