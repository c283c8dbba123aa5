package command

import (
	"slices"
	"strconv"
	"strings"

	"countersign/internal/domain/policy"
	"countersign/internal/flow/directory"
)

// inherit as the value of a flag removes a setting from a policy layer, so that the wider layer's setting holds.
const inherit = "inherit"

// policyFlags change one policy layer, the organization's or an application's. A flag that is not given changes
// nothing.
type policyFlags struct {
	NewUser            string   `enum:",enroll,allow,deny,inherit" default:"" placeholder:"enroll|allow|deny" help:"What happens to someone who has no device yet."`
	Authentication     string   `enum:",enforce,bypass,deny,inherit" default:"" placeholder:"enforce|bypass|deny" help:"Ask for a second proof, let everybody through, or let nobody in."`
	Methods            []string `placeholder:"push,passcode|all" help:"Ways in that may be used; bypass codes always work."`
	NumberEntry        string   `placeholder:"off|3..6" help:"Digits to type on the phone before approving."`
	NumberRequired     string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Where no number can be shown, take codes only."`
	Spare              string   `enum:",off,remind,require,inherit" default:"" placeholder:"off|remind|require" help:"Ask for a spare way in after the first."`
	PasscodeType       string   `enum:",hotp,totp,inherit" default:"" placeholder:"hotp|totp" help:"Kind of codes on phones paired from now on."`
	RememberDays       string   `placeholder:"off|1..365" help:"Days for which people may have their browser remembered; off never asks."`
	InlineReenrollment string   `enum:",on,off,inherit" default:"" placeholder:"on|off" help:"Let someone who lost every device set one up while signing in."`
}

// change turns the flags into a change of a policy. The error is a usageError.
func (p policyFlags) change() (directory.PolicyChange, error) {
	c := directory.PolicyChange{
		NewUser:            choice[policy.NewUser](p.NewUser),
		Authentication:     choice[policy.Authentication](p.Authentication),
		NumberRequired:     choice[string](p.NumberRequired),
		Spare:              choice[policy.Spare](p.Spare),
		PasscodeType:       choice[string](p.PasscodeType),
		InlineReenrollment: choice[string](p.InlineReenrollment),
	}
	if p.Methods != nil {
		methods := p.Methods
		if slices.Contains([]string{"all", inherit, ""}, strings.Join(methods, ",")) {
			methods = nil
		}
		c.Methods = &methods
	}
	if p.NumberEntry != "" {
		n, err := numberEntry(p.NumberEntry)
		if err != nil {
			return c, err
		}
		c.NumberEntry = &n
	}
	if p.RememberDays != "" {
		n, err := rememberDays(p.RememberDays)
		if err != nil {
			return c, err
		}
		c.RememberDays = &n
	}
	return c, nil
}

// choice returns nil for a flag that was not given, and a pointer to the zero value for inherit.
func choice[T ~string](flag string) *T {
	v := T(flag)
	switch flag {
	case "":
		return nil
	case inherit:
		v = ""
	}
	return &v
}

// numberEntry reads --number-entry: 0 for inherit, policy.NumberEntryOff, or a number of digits.
func numberEntry(flag string) (int, error) {
	switch flag {
	case inherit:
		return 0, nil
	case "off":
		return policy.NumberEntryOff, nil
	}
	n, err := strconv.Atoi(flag)
	if err != nil || n < 3 || n > 6 {
		return 0, usagef("--number-entry is off or 3 to 6, not %q", flag)
	}
	return n, nil
}

// rememberDays reads --remember-days: 0 for inherit, policy.RememberOff, or a number of days.
func rememberDays(flag string) (int, error) {
	switch flag {
	case inherit:
		return 0, nil
	case "off":
		return policy.RememberOff, nil
	}
	n, err := strconv.Atoi(flag)
	if err != nil || n < 1 || n > policy.MaxRememberDays {
		return 0, usagef("--remember-days is off or 1 to %d, not %q", policy.MaxRememberDays, flag)
	}
	return n, nil
}

// policyDoc is a policy layer in a JSON document. Settings that the layer does not have are left out.
type policyDoc struct {
	NewUser            string   `json:"new_user,omitempty"`            // enroll, allow or deny
	Authentication     string   `json:"authentication,omitempty"`      // enforce, bypass or deny
	Methods            []string `json:"methods,omitempty"`             // push, passcode
	NumberEntry        string   `json:"number_entry,omitempty"`        // off, or how many digits
	NumberRequired     string   `json:"number_required,omitempty"`     // on or off
	Spare              string   `json:"spare,omitempty"`               // off, remind or require
	PasscodeType       string   `json:"passcode_type,omitempty"`       // hotp or totp
	InlineReenrollment string   `json:"inline_reenrollment,omitempty"` // on or off
	RememberDays       string   `json:"remember_days,omitempty"`       // off, or how many days
}

// policyOf makes the document of a policy layer.
func policyOf(p policy.Policy) policyDoc {
	d := policyDoc{
		NewUser: string(p.NewUser), Authentication: string(p.Authentication), Methods: p.Methods,
		NumberRequired: p.NumberRequired, Spare: string(p.Spare), PasscodeType: p.PasscodeType, InlineReenrollment: p.InlineReenrollment,
	}
	switch {
	case p.NumberEntry == policy.NumberEntryOff:
		d.NumberEntry = "off"
	case p.NumberEntry > 0:
		d.NumberEntry = strconv.Itoa(p.NumberEntry)
	}
	switch {
	case p.RememberDays == policy.RememberOff:
		d.RememberDays = "off"
	case p.RememberDays > 0:
		d.RememberDays = strconv.Itoa(p.RememberDays)
	}
	return d
}

// fields are the pairs of label and value for page.fields.
func (d policyDoc) fields() []any {
	return []any{
		"new_user", d.NewUser, "authentication", d.Authentication, "methods", d.Methods, "number_entry", d.NumberEntry,
		"number_required", d.NumberRequired, "spare", d.Spare, "passcode_type", d.PasscodeType, "inline_reenrollment", d.InlineReenrollment,
		"remember_days", d.RememberDays,
	}
}
