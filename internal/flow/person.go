package flow

import (
	"slices"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/enrollment"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
)

// Person is the owner of an account as a decision sees one: who it is, what there is to prove by, and the policy that
// holds where it is asked. What every flow, page and door must answer alike about a person stands here, once.
type Person struct {
	User        user.User     // zero value for a name nobody has
	Phones      []phone.Phone // oldest first
	DeskCodes   []string      // IDs of the help desk's codes for them
	Application application.Application
	Policy      policy.Policy // effective for the application
	Settings    settings.Settings
}

// Person is whom a snapshot is about, under the policy of its application.
func (s Snapshot) Person() Person {
	return Person{User: s.User, Phones: s.Phones, DeskCodes: s.DeskCodes, Application: s.Application, Settings: s.Settings,
		Policy: policy.Effective(s.Settings.Policy, s.Application.Policy)}
}

// CanProve reports whether the person has a device that could ever prove anything, whatever policy allows now: else they
// count as not enrolled (F-41). A code of the help desk is no device.
func (p Person) CanProve() bool { return p.WaysIn() > 0 }

// WaysIn counts the devices that can prove something.
func (p Person) WaysIn() int {
	n := 0
	for _, d := range p.Phones {
		if d.CanProve() {
			n++
		}
	}
	return n
}

// Devices counts the devices among some phones. Records of one device count once: a spare is another device (RULE-10).
func (p Person) Devices(among func(phone.Phone) bool) int {
	var groups [][]phone.Phone
	for _, d := range p.Phones {
		if !among(d) {
			continue
		}
		one := []phone.Phone{d}
		groups = slices.DeleteFunc(groups, func(g []phone.Phone) bool {
			same := slices.ContainsFunc(g, d.SameDevice)
			if same {
				one = append(one, g...)
			}
			return same
		})
		groups = append(groups, one)
	}
	return len(groups)
}

// OnlyWayIn reports whether a device is the last one that can prove something, or the last there is at all: without it the
// person is locked out.
func (p Person) OnlyWayIn(phoneID string) bool {
	for _, d := range p.Phones {
		if d.ID == phoneID {
			return len(p.Phones) == 1 || d.CanProve() && p.WaysIn() == 1
		}
	}
	return false
}

// MayEnroll reports whether the person may set up a first device while signing in (RULE-11): policy lets an app
// prove something, and somebody known never had a way in, or may have a new one, and is not dormant. Whether somebody
// unknown becomes a user is for the policy about new users to say.
func (p Person) MayEnroll(now time.Time) bool {
	switch {
	case !p.Policy.AllowsApp():
		return false
	case p.User.ID == "":
		return true
	case p.User.Dormant(now, p.Settings.DormantDays):
		return false
	}
	return p.User.FirstEnrolled.IsZero() || p.Policy.InlineReenrollment == "on"
}

// MayFollow reports whether the reason of an enrollment link of the person still holds. One of an application is asked for by a
// Person at it: it must send those who have no way in to the enrollment pages even now.
func (p Person) MayFollow(l enrollment.Link, now time.Time) bool {
	if l.Epoch != p.User.Epoch || l.ApplicationID == "" {
		return l.Epoch == p.User.Epoch
	}
	return p.Application.Usable() && !p.Denied() && p.Policy.NewUser == policy.NewUserEnroll && p.MayEnroll(now)
}

// Denied reports that policy lets nobody in. The product's own pages are not asked for it.
func (p Person) Denied() bool {
	return p.Policy.Authentication == policy.AuthenticationDeny && p.Application.Type != application.TypePortal
}

// ErrManageOff reports an application from whose pages nobody manages devices.
var ErrManageOff = errs.New(errs.NotFound, "portal.off")

// MayManage is why the person may not look after devices from the application's pages: ErrManageOff, or user.ErrLocked;
// nil when they may. The proof for it is another question.
func (p Person) MayManage() error {
	if !p.Application.SelfService || !p.Application.Usable() {
		return ErrManageOff
	}
	return p.User.Refusal()
}
