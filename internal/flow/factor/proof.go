package factor

import (
	"context"
	"slices"

	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/flow"
)

// Holds reports whether a proof is still good, as somebody is now (RULE-42): at the epoch it was given, by an authenticator
// that is still theirs, and by a factor that policy still lets in. Whatever a proof opened asks this at each use.
func Holds(who flow.Person, p account.Proof) bool {
	if p.Epoch != who.User.Epoch || !who.User.MaySignIn() || who.Denied() {
		return false
	}
	by := Logged(p.Factor)
	if by.LogNumber != "" && p.Factor != by.LogNumber && who.Policy.NumberRequired == "on" {
		return false // a plain request, where policy wants none by now
	}
	return by.Lives != nil && by.Allowed(who.Policy) && by.Lives(who, p.Authenticator)
}

// Unproved is what somebody let in without a proof has.
func Unproved(who flow.Person) account.Proof {
	return account.Proof{Factor: audit.FactorNone, Epoch: who.User.Epoch}
}

// ofPhone is Factor.Lives for what the app on a phone proves: it is still paired by the same key.
func ofPhone(can func(phone.Phone) bool) func(flow.Person, string) bool {
	return func(who flow.Person, key string) bool {
		return slices.ContainsFunc(who.Phones, func(p phone.Phone) bool { return key != "" && p.KeyID == key && can(p) })
	}
}

// Demand is what a proof must be at least to change devices. A device serves every application, so it may not be added by less
// than the strictest of them asks for (RULE-5).
type Demand struct {
	weakest int // place in the list of the weakest factor that will do
	digits  int // of a request's number, where the strictest application asks for one; 0 = none
}

// Policies are what a demand is read from.
type Policies interface {
	// application.Store:
	PoliciesInUse(ctx context.Context) ([]policy.Policy, error)
}

// DemandOf reads the demand of all applications in use; organization is the policy that lies under theirs.
func DemandOf(ctx context.Context, st Policies, organization policy.Policy) (Demand, error) {
	layers, err := st.PoliciesInUse(ctx)
	d := Demand{weakest: len(list)}
	for _, layer := range layers {
		d = d.and(policy.Effective(organization, layer))
	}
	return d, err
}

// and adds what one application asks for.
func (d Demand) and(p policy.Policy) Demand {
	for at, f := range slices.Backward(list) {
		if f.Always || !f.Allowed(p) {
			continue
		}
		digits := 0
		if f.Rings() && f.LogNumber != "" {
			digits = f.Request.Digits(p)
		}
		switch {
		case at < d.weakest:
			return Demand{at, digits}
		case at == d.weakest:
			d.digits = max(d.digits, digits)
		}
		break
	}
	return d
}

// Takes reports whether a factor is strong enough. A code of the help desk always is: it stands for a person who was asked.
func (d Demand) Takes(f *Factor) bool {
	at := slices.Index(list, f)
	return f.Always || at >= 0 && at <= d.weakest
}

// Meets reports whether a proof is strong enough.
func (d Demand) Meets(p account.Proof) bool {
	f := Logged(p.Factor)
	plain := d.digits > 0 && f == list[d.weakest] && p.Factor != f.LogNumber
	return d.Takes(f) && !plain
}

// Ways are those among some that are strong enough.
func (d Demand) Ways(ways []Way) []Way {
	return slices.DeleteFunc(slices.Clone(ways), func(w Way) bool { return !d.Takes(w.Factor()) })
}

// Raise is a policy under which a request has the number that is demanded.
func (d Demand) Raise(p policy.Policy) policy.Policy {
	if d.digits > 0 {
		p.NumberEntry = max(p.NumberEntry, d.digits)
	}
	return p
}
