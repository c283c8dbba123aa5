package signin

import (
	"countersign/internal/domain/login"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
)

// method is one kind of way in. A new factor is one more of these in methods: the prompt and the
// flow list, start and try them without knowing which they are.
type method struct {
	name string // policy name
	// ways lists the user's ways of this method.
	ways func(phones []phone.Phone) []Way
}

// methods in order of strength, strongest first.
var methods = []method{
	{policy.MethodPush, pushWays},
	{policy.MethodPasscode, passcodeWays},
}

func pushWays(phones []phone.Phone) []Way {
	var ways []Way
	labels := phone.Labels(phones)
	for _, p := range phones {
		if p.Connected() {
			ways = append(ways, Way{ID: "push:" + p.ID, Method: policy.MethodPush, PhoneID: p.ID, Device: labels[p.ID], AlertsOn: p.Alerts == phone.AlertsOn})
		}
	}
	return ways
}

func passcodeWays(phones []phone.Phone) []Way {
	var ways []Way
	labels := phone.Labels(phones)
	for _, p := range phones {
		if p.MakesCodes() {
			ways = append(ways, Way{ID: "code:" + p.ID, Method: policy.MethodPasscode, PhoneID: p.ID, Device: labels[p.ID]})
		}
	}
	return ways
}

// waysOf lists what a user may use now under a policy, strongest first. Bypass codes are not listed:
// the code field takes them whenever it is shown, and no policy blocks them (decision 16).
func waysOf(p policy.Policy, phones []phone.Phone) []Way {
	var ways []Way
	for _, m := range methods {
		if p.Allows(m.name) {
			ways = append(ways, m.ways(phones)...)
		}
	}
	return ways
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
	if s.User.AutoAction != user.AutoPush {
		return Way{}, false
	}
	return s.Preferred()
}

// Preferred is the push way of the person's default device, else the first there is (D-12).
func (s Session) Preferred() (Way, bool) {
	if w, ok := s.Way("push:" + s.User.DefaultPhone); ok {
		return w, true
	}
	for _, w := range s.Ways {
		if w.Method == policy.MethodPush {
			return w, true
		}
	}
	return Way{}, false
}

// Way finds a usable way by ID.
func (s Session) Way(id string) (Way, bool) {
	for _, w := range s.Ways {
		if w.ID == id {
			return w, true
		}
	}
	return Way{}, false
}
