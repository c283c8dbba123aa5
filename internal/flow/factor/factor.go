package factor

import (
	"slices"

	"countersign/internal/domain/account"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// Factor is one kind of proof. Its fields are all that the rest of the program knows of it.
type Factor struct {
	Name   string // in policies and in Way.Method
	Prefix string // of its ways' IDs, "push:DP…"; these rest in the database
	Always bool   // no policy leaves it out (RULE-16)

	Log       string // its name in the authentication log, as the API spells it (RULE-35)
	LogNumber string // the same of a request that carried a number; "" = as Log

	// Remembers: a proof by it shows a device of the person's own. It may have the browser, or a program's device,
	// remembered (RULE-15), and somebody with one such device is asked for a spare (RULE-10).
	Remembers bool
	// Recovers: a proof by it stands in for a lost device. It opens one addition or reactivation of a device, and nothing
	// else of device management (RULE-38).
	Recovers bool

	// Lives reports whether an authenticator that proved something by it is still the person's own.
	Lives func(who flow.Person, authenticator string) bool
	// Devices lists the person's devices that give a way in each. nil: it has no ways of its own to choose.
	Devices func(Owner) []Device
	// Request asks a device and waits for its answer. nil: it sends nothing.
	Request Request
	// Code tries codes. nil: it takes none.
	Code Code
	// Source is what its codes come from; "" where Code is nil.
	Source account.Source

	Menu string // message key of its line in a terminal's menu, with argument "device"; "" = not in the menu
	Page Page   // its row in the prompts
}

// Page is a factor's row in both prompts. Row, Hint and Frame are keys of the message catalogue. What a page does follows
// from Request and Code: it waits for the answer to a request, or has the one field for every kind of code (RULE-8).
type Page struct {
	Icon   string // of site/web
	Row    string // its row among the ways in; argument "device"
	Hint   string // the small line of that row; "" = the device's name
	Frame  string // Request: its row in the traditional prompt, where all codes share one
	Source string // Code: where the code comes from; key code.kind.<Source> ends the sentence "From …"
}

// list is every factor, the strongest first.
var list = []*Factor{push, passcode, helpdesk}

// All gives every factor, the strongest first.
func All() []*Factor { return slices.Clone(list) }

// none is what is given for a name no factor has.
var none = &Factor{}

func find(is func(*Factor) bool) *Factor {
	if i := slices.IndexFunc(list, is); i >= 0 {
		return list[i]
	}
	return none
}

// ByName finds a factor by its name in policies. For a name nobody has it gives one that can do nothing.
func ByName(name string) *Factor {
	return find(func(f *Factor) bool { return name != "" && f.Name == name })
}

// Logged finds the factor that the log calls so. For any other name, as for no proof at all, it gives one that is worth
// nothing.
func Logged(name string) *Factor {
	return find(func(f *Factor) bool { return name != "" && (f.Log == name || f.LogNumber == name) })
}

// Asking finds the factor by which a request was sent. It always has a Request; that of a factor nobody here knows, or that
// asks no device, is never ready.
func Asking(t transaction.Transaction) *Factor {
	if t.Factor == "" { // of a node that does not write it yet, while versions change
		return find((*Factor).Rings)
	}
	if f := Logged(t.Factor); f.Rings() {
		return f
	}
	return &Factor{Log: t.Factor, Request: never{}}
}

// Unmatched is what the log calls a code that was none of any factor.
const Unmatched = audit.FactorPasscode

// LogName is its name in the log, for a request that carries a number, or for one with none.
func (f *Factor) LogName(number string) string {
	if number != "" && f.LogNumber != "" {
		return f.LogNumber
	}
	return f.Log
}

// Rings reports whether it asks a device.
func (f *Factor) Rings() bool { return f.Request != nil }

// Takes reports whether it takes codes.
func (f *Factor) Takes() bool { return f.Code != nil }

// Allowed reports whether a policy lets it in.
func (f *Factor) Allowed(p policy.Policy) bool { return f.Always || f.Name != "" && p.Allows(f.Name) }

// WayID is the ID of its way on a device.
func (f *Factor) WayID(deviceID string) string { return f.Prefix + ":" + deviceID }

// Owner is whose proof it is: an account with what it can prove by, read at one moment, under the policy that holds.
type Owner struct {
	User     user.User
	Phones   []phone.Phone // oldest first
	Codeless bool          // no code of the help desk has a use left
	Policy   policy.Policy // effective
}

// Device gives one way in.
type Device struct {
	ID    string
	Label string // told apart from the others of its list
	Awake bool   // it can be told that a request waits
}

// onPhones makes Factor.Devices of what a phone must be able to do.
func onPhones(can func(phone.Phone) bool) func(Owner) []Device {
	return func(o Owner) []Device {
		var devices []Device
		labels := phone.Labels(o.Phones)
		for _, p := range o.Phones {
			if can(p) {
				devices = append(devices, Device{ID: p.ID, Label: labels[p.ID], Awake: p.Alerts == phone.AlertsOn})
			}
		}
		return devices
	}
}
