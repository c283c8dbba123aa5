package factor

import "slices"

// Way is one way in: a factor on one device.
type Way struct {
	ID       string // "push:DP…", "code:DP…"
	Method   string // name of its factor
	PhoneID  string
	Device   string // name of the device, "" when none
	AlertsOn bool   // its factor rings the device: it can be woken
}

// Factor is what the way proves by.
func (w Way) Factor() *Factor { return ByName(w.Method) }

// Ways lists what an owner may use now, the strongest first. Codes of the help desk are not among them: the code field
// takes them whenever it is shown.
func Ways(o Owner) []Way {
	var ways []Way
	for _, f := range list {
		if f.Devices == nil || !f.Allowed(o.Policy) {
			continue
		}
		for _, d := range f.Devices(o) {
			ways = append(ways, Way{ID: f.WayID(d.ID), Method: f.Name, PhoneID: d.ID, Device: d.Label, AlertsOn: f.Rings() && d.Awake})
		}
	}
	return ways
}

// Ringing are the ways among some that ask a device.
func Ringing(ways []Way) []Way {
	return slices.DeleteFunc(slices.Clone(ways), func(w Way) bool { return !w.Factor().Rings() })
}

// Codes are the factors whose codes somebody with these ways may hold, the strongest first.
func Codes(ways []Way) []*Factor {
	var codes []*Factor
	for _, f := range list {
		has := f.Devices == nil || slices.ContainsFunc(ways, func(w Way) bool { return w.Method == f.Name })
		if f.Takes() && has {
			codes = append(codes, f)
		}
	}
	return codes
}
