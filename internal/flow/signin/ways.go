package signin

import (
	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow/factor"
)

// Way is one way in: a factor on one device.
type Way = factor.Way

// owner is whose proof a session waits for.
func (s Session) owner() factor.Owner {
	return factor.Owner{User: s.User, Phones: s.Phones, Codeless: s.Codeless, Policy: s.Policy}
}

// first picks the way to begin with: the one used last when it is still there, else the strongest.
func first(u user.User, ways []Way) (Way, bool) {
	for _, w := range ways {
		if w.ID == u.LastMethod {
			return w, true
		}
	}
	if len(ways) == 0 {
		return Way{}, false
	}
	return ways[0], true
}

// First is the way the prompt begins with. False when there is none.
func (s Session) First() (Way, bool) { return first(s.User, s.Ways) }

// Opening is the way that a sign-in tries by itself when it opens. Where nothing starts unasked, that is the
// request the person wants each time (D-13), if any.
func (s Session) Opening() (Way, bool) {
	if !login.Asked(s.Login.Door) {
		return s.First()
	}
	for _, w := range s.preferred() {
		if w.Method == s.User.AutoAction {
			return w, true
		}
	}
	return Way{}, false
}

// Preferred is the way of a request to the person's default device, else the first there is (D-12).
func (s Session) Preferred() (Way, bool) {
	ways := s.preferred()
	if len(ways) == 0 {
		return Way{}, false
	}
	return ways[0], true
}

// preferred lists the ways that ask a device, those of the default device first.
func (s Session) preferred() []Way {
	var own, others []Way
	for _, w := range factor.Ringing(s.Ways) {
		if w.PhoneID == s.User.DefaultPhone {
			own = append(own, w)
		} else {
			others = append(others, w)
		}
	}
	return append(own, others...)
}

// Codes are the factors whose codes the person may hold, for the hint at the code field.
func (s Session) Codes() []*factor.Factor { return factor.Codes(s.Ways) }

// Way finds a usable way by ID.
func (s Session) Way(id string) (Way, bool) {
	for _, w := range s.Ways {
		if w.ID == id {
			return w, true
		}
	}
	return Way{}, false
}
