package signin

import (
	"slices"
	"strings"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/session"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/factor"
)

// Kind names what a sign-in asks next.
type Kind string

// The kinds.
const (
	Refused Kind = "refused" // nothing: the person may not go on now
	Enroll  Kind = "enroll"  // a first device
	Prove   Kind = "prove"   // a proof, by a way in or by a code of the help desk
	Waiting Kind = "waiting" // the answer to a request on a phone; another proof may be given instead
	Recover Kind = "recover" // whether a new phone is set up, after a sign-in by a code of the help desk
	Spare   Kind = "spare"   // a spare way in
	Done    Kind = "done"    // nothing: the way is open, to the application or to the device pages
)

// Step is what a sign-in asks next, with what its page needs to know.
type Step struct {
	Kind    Kind
	Reason  *errs.Error             // Refused: why. Prove, Waiting: why only a code of the help desk is left; nil when a way in is usable
	Way     Way                     // Prove, Waiting: the way to begin with; zero when none is usable
	Request transaction.Transaction // Waiting: the request. Prove: the one that came to nothing; zero when there is none
	MayWait bool                    // Spare: "Later" is an answer
	Left    int                     // Spare that may wait: how often it will be asked for after this time
	Proved  bool                    // Spare: the proof given in this sign-in opens the pairing, no other is needed
}

// Asks reports whether the step asks for a proof.
func (s Step) Asks() bool { return s.Kind == Prove || s.Kind == Waiting }

// Passes reports whether the sign-in may be finished at this step: nothing is asked any more, or nothing that needs an answer.
func (s Step) Passes() bool {
	return s.Kind == Done || s.Kind == Recover || s.Kind == Spare && s.MayWait
}

// Next is what the sign-in asks next. It depends on nothing but the session as it was read, the clock and the purpose:
// transaction.SignIn, or transaction.Manage for the device pages. The pages show what it says, and Finish and Enter
// let through what it lets through.
func Next(s Session, now time.Time, purpose transaction.Purpose) Step {
	manage := purpose == transaction.Manage
	off := Step{Kind: Refused, Reason: errs.New(errs.NotFound, "portal.off")}
	if manage && !s.Application.SelfService {
		return off
	}
	if s.Login.Stage == login.Finished {
		return Step{Kind: Done}
	}
	if why := s.refusal(); why != nil {
		return Step{Kind: Refused, Reason: why}
	}
	switch allowed := s.Login.Stage == login.Allowed; {
	case allowed && !s.holds():
		code := "login.changed"
		if s.Person().Denied() {
			code = "way.denied"
		}
		return Step{Kind: Refused, Reason: errs.New(errs.Forbidden, code)}
	case !allowed && s.Login.Enrolling && len(s.Ways) == 0:
		return Step{Kind: Enroll}
	case manage && s.User.ID == "": // nobody there who could have devices
		return off
	case !allowed, manage && !s.proved(now):
		return s.ask(now, manage)
	case manage:
		return Step{Kind: Done}
	case s.recovers(now):
		return Step{Kind: Recover}
	case s.spareDue(now):
		return s.spare(now)
	}
	return Step{Kind: Done}
}

// refusal is why the person may not go on now, nil when they may. The present status counts, not the one at the start.
func (s Session) refusal() *errs.Error {
	switch s.User.Status {
	case user.LockedOut:
		if at := s.User.UnlocksAt(s.Settings.LockoutMinutes); !at.IsZero() {
			return errs.New(errs.Forbidden, "user.locked.until").Arg("time", at)
		}
		return errs.New(errs.Forbidden, "user.locked")
	case user.Disabled:
		return errs.New(errs.Forbidden, "user.disabled")
	case user.PendingDeletion:
		return errs.New(errs.Forbidden, "user.trash")
	}
	if s.Login.Stage == login.Open && s.closed() {
		return errs.New(errs.Forbidden, "way.denied")
	}
	if s.Login.Stage != login.Refused {
		return nil
	}
	switch s.Login.Reason {
	case audit.LockedOut:
		return errs.New(errs.Forbidden, "user.locked")
	case audit.UserDisabled:
		return errs.New(errs.Forbidden, "user.disabled")
	case audit.NoActivatedAccount:
		return errs.New(errs.Forbidden, "user.lost")
	case audit.FactorRestricted:
		return errs.New(errs.Forbidden, "way.none")
	case audit.DenyUnenrolledUser:
		if strings.ContainsAny(s.Login.Username, "@\\") && s.Policy.NewUser != policy.NewUserDeny {
			return errs.New(errs.Forbidden, "user.name.similar")
		}
		return errs.New(errs.Forbidden, "user.unenrolled")
	}
	return errs.New(errs.Forbidden, "way.denied")
}

// closed reports that nobody is let in now, whatever held when the sign-in began: policy says so, or the application is
// off or gone (AC-034).
func (s Session) closed() bool { return !s.Application.Usable() || s.Person().Denied() }

// holds reports whether what let the person in is still good: the proof, or the rule by which none was asked for (RULE-42).
func (s Session) holds() bool {
	none := s.Login.Proof == factor.Unproved(s.Person()) && (s.User.ID == "" || s.User.MaySignIn())
	switch s.Login.Reason {
	case audit.BypassUser: // no policy is asked for them
		return none && s.User.Status == user.Bypass
	case audit.AllowedByPolicy:
		return none && s.Policy.Authentication == policy.AuthenticationBypass
	case audit.AllowUnenrolledUser:
		return none && s.Policy.NewUser == policy.NewUserAllow && !s.Person().Denied() && !s.Person().CanProve() && s.User.FirstEnrolled.IsZero()
	}
	return factor.Holds(s.Person(), s.Login.Proof)
}

// ask is the step that asks for a proof. An approval of a request for the device pages is the sign-in too (RULE-5),
// so a sign-in waits for it as for its own; the device pages wait for their own alone. An approved request is spent: what
// it proved is in the login, or was taken.
func (s Session) ask(now time.Time, manage bool) Step {
	step := Step{Kind: Prove}
	if t := s.Transaction; t.ID != "" && t.State != transaction.Cancelled && t.State != transaction.Approved &&
		(!manage || t.Purpose == transaction.Manage) {
		step.Request = t
		if t.State == transaction.Pending && now.Before(t.Expires) {
			step.Kind = Waiting
		}
	}
	way, usable := s.First()
	if step.Way = way; !usable {
		step.Reason = s.noWay()
	}
	return step
}

// noWay says why nothing but a code of the help desk is left.
func (s Session) noWay() *errs.Error {
	switch {
	case s.Login.Reason == audit.NoActivatedAccount:
		return errs.New(errs.Forbidden, "user.lost")
	case !s.Person().CanProve():
		return errs.New(errs.Forbidden, "user.codes")
	case s.Weak:
		return errs.New(errs.Forbidden, "way.weak")
	case len(factor.CodesOff(s.owner())) > 0:
		return errs.New(errs.Forbidden, "way.codes_off")
	}
	return errs.New(errs.Forbidden, "way.none")
}

// proved reports a proof for the device pages that is still good and waits to be taken.
func (s Session) proved(now time.Time) bool {
	return !s.Login.ManageProof.IsZero() && now.Sub(s.Login.ManageProof) < session.ProofLife && factor.Holds(s.Person(), s.Login.Manage)
}

// recovers reports whether a new phone is offered: a code of the help desk signed the person in and still opens one
// change (RULE-38).
func (s Session) recovers(now time.Time) bool {
	return factor.Logged(s.Login.Factor).Recovers && s.proved(now) && !s.Login.RecoveryAsked && s.Application.SelfService
}

// spareRest is how long a person is left in peace after a reminder of the spare way.
const spareRest = 7 * 24 * time.Hour

// spareDue reports whether an allowed sign-in asks for a spare way (RULE-10): after the first device, then at most
// twice more, each a week after the one before; each time where policy demands one. Nobody is asked, or kept out,
// where there is no way to set one up now.
func (s Session) spareDue(now time.Time) bool {
	if s.Login.SpareAsked || devices(s.Person(), s.Ways) != 1 || !factor.Logged(s.Login.Factor).Remembers {
		return false
	}
	// The traditional prompt pairs a spare phone on the device pages alone.
	if !s.Application.SelfService && (login.Asked(s.Login.Door) || !s.proved(now)) {
		return false
	}
	if s.Policy.Spare == policy.SpareRemind {
		u := s.User
		return u.SpareReminders < policy.SpareReminders && (u.SpareReminders == 0 || now.Sub(u.SpareReminded) >= spareRest)
	}
	return s.Policy.Spare == policy.SpareRequire
}

func (s Session) spare(now time.Time) Step {
	step := Step{Kind: Spare, Proved: s.proved(now), MayWait: s.Policy.Spare != policy.SpareRequire}
	if step.MayWait {
		step.Left = policy.SpareReminders - s.User.SpareReminders - 1
	}
	return step
}

// devices counts the devices of the usable ways.
func devices(who flow.Person, ways []Way) int {
	return who.Devices(func(p phone.Phone) bool {
		return slices.ContainsFunc(ways, func(w Way) bool { return w.PhoneID == p.ID })
	})
}
