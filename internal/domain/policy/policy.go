// Package policy says what an organization demands of a sign-in. Policies are layers: the
// organization's, then the application's; a narrower layer overrides what it sets (H-01).
package policy

import "slices"

// NewUser is what happens to a name nobody has enrolled yet (H-05, A-23).
type NewUser string

const (
	NewUserEnroll NewUser = "enroll"
	NewUserAllow  NewUser = "allow"
	NewUserDeny   NewUser = "deny"
)

// Authentication overrides all else when it is not enforce (H-06).
type Authentication string

const (
	AuthenticationEnforce Authentication = "enforce"
	AuthenticationBypass  Authentication = "bypass"
	AuthenticationDeny    Authentication = "deny"
)

// Spare says whether a second way in is asked for after the first (RULE-10).
type Spare string

const (
	SpareOff     Spare = "off"
	SpareRemind  Spare = "remind" // at most SpareReminders times
	SpareRequire Spare = "require"
)

// SpareReminders is how often SpareRemind asks one user.
const SpareReminders = 3

// Methods a policy may allow or leave out. A bypass code cannot be left out (RULE-16).
const (
	MethodPush     = "push"
	MethodPasscode = "passcode"
)

// methods are all of them.
var methods = []string{MethodPush, MethodPasscode}

// Policy is one layer, or the effective whole. A zero field means "as the wider layer says".
type Policy struct {
	NewUser        NewUser        `json:"new_user,omitempty"`
	Authentication Authentication `json:"authentication,omitempty"`
	// Methods lists the allowed methods; nil inherits, and all are allowed when no layer says.
	Methods []string `json:"methods,omitempty"`
	// NumberEntry is the digits of verified push, 3 to 6; NumberEntryOff is plain push (RULE-14).
	NumberEntry int `json:"number_entry,omitempty"`
	// NumberRequired refuses plain requests at doors that cannot show a number: "on" or "off" (RULE-14).
	NumberRequired string `json:"number_required,omitempty"`
	Spare          Spare  `json:"spare,omitempty"`
	PasscodeType   string `json:"passcode_type,omitempty"` // hotp or totp, for phones activated from now on
	// InlineReenrollment lets someone who had a factor and lost it enroll inline (RULE-11): "on" or "off".
	InlineReenrollment string `json:"inline_reenrollment,omitempty"`
	// RememberDays is for how many days a browser may skip the proof, 1 to 365; RememberOff is never (RULE-15).
	RememberDays int `json:"remember_days,omitempty"`
}

// NumberEntryOff asks for plain push requests.
const NumberEntryOff = -1

// RememberOff remembers no browser; MaxRememberDays is the most.
const (
	RememberOff     = -1
	MaxRememberDays = 365
)

// Default is what holds when nobody sets anything.
var Default = Policy{
	NewUser: NewUserEnroll, Authentication: AuthenticationEnforce, NumberEntry: 3,
	Spare: SpareRemind, PasscodeType: "hotp", InlineReenrollment: "off", NumberRequired: "off",
	RememberDays: RememberOff,
}

// Effective lays narrower layers over wider ones; Default lies at the bottom. Where layers that do not Agree were stored,
// the demand for a number holds.
func Effective(layers ...Policy) Policy {
	p := merged(layers)
	if p.contradictory() {
		p.NumberEntry = Default.NumberEntry
	}
	return p
}

// Agree reports whether layers, the widest first, can hold together. They cannot where a number is demanded of requests
// while number entry is off: browsers would send what is refused everywhere else.
func Agree(layers ...Policy) bool { return !merged(layers).contradictory() }

func (p Policy) contradictory() bool {
	return p.NumberRequired == "on" && p.NumberEntry == NumberEntryOff
}

func merged(layers []Policy) Policy {
	p := Default
	for _, l := range layers {
		override(&p.NewUser, l.NewUser)
		override(&p.Authentication, l.Authentication)
		override(&p.NumberEntry, l.NumberEntry)
		override(&p.NumberRequired, l.NumberRequired)
		override(&p.Spare, l.Spare)
		override(&p.PasscodeType, l.PasscodeType)
		override(&p.InlineReenrollment, l.InlineReenrollment)
		override(&p.RememberDays, l.RememberDays)
		if l.Methods != nil {
			p.Methods = l.Methods
		}
	}
	return p
}

func override[T comparable](dst *T, v T) {
	var zero T
	if v != zero {
		*dst = v
	}
}

// Allows reports whether a method may be used and enrolled (H-11, H-12).
func (p Policy) Allows(method string) bool {
	return p.Methods == nil || slices.Contains(p.Methods, method)
}

// AllowsApp reports whether the app on a phone can prove anything at all: else pairing one leads nowhere.
func (p Policy) AllowsApp() bool { return p.Allows(MethodPush) || p.Allows(MethodPasscode) }

// Invalid names the first field of one layer that is out of range, as it is called in JSON; "" when none is.
func (p Policy) Invalid() (field string) {
	checks := []struct {
		field string
		good  bool
	}{
		{"new_user", oneOf(p.NewUser, "", NewUserEnroll, NewUserAllow, NewUserDeny)},
		{"authentication", oneOf(p.Authentication, "", AuthenticationEnforce, AuthenticationBypass, AuthenticationDeny)},
		{"number_entry", p.NumberEntry == 0 || p.NumberEntry == NumberEntryOff || (p.NumberEntry >= 3 && p.NumberEntry <= 6)},
		{"spare", oneOf(p.Spare, "", SpareOff, SpareRemind, SpareRequire)},
		{"passcode_type", oneOf(p.PasscodeType, "", "hotp", "totp")},
		{"number_required", oneOf(p.NumberRequired, "", "on", "off")},
		{"remember_days", p.RememberDays >= RememberOff && p.RememberDays <= MaxRememberDays},
		{"inline_reenrollment", oneOf(p.InlineReenrollment, "", "on", "off")},
	}
	if p.Methods != nil && len(p.Methods) == 0 {
		return "methods" // nobody could ever sign in; leaving it out allows all
	}
	for _, m := range p.Methods {
		checks = append(checks, struct {
			field string
			good  bool
		}{"methods", slices.Contains(methods, m)})
	}
	for _, c := range checks {
		if !c.good {
			return c.field
		}
	}
	return ""
}

func oneOf[T comparable](v T, allowed ...T) bool { return slices.Contains(allowed, v) }
