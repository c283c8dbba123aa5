package policy_test

import (
	"testing"

	"countersign/internal/domain/policy"
)

// RULE-14. A combination that was stored before it was refused asks for numbers.
func TestWhereANumberIsDemandedRequestsCarryOne(t *testing.T) {
	off, on := policy.Policy{NumberEntry: policy.NumberEntryOff}, policy.Policy{NumberRequired: "on"}
	both := policy.Policy{NumberEntry: policy.NumberEntryOff, NumberRequired: "on"}
	for what, c := range map[string]struct {
		layers []policy.Policy
		digits int
		agree  bool
	}{
		"nothing set":                        {nil, 3, true},
		"off":                                {[]policy.Policy{off}, policy.NumberEntryOff, true},
		"demanded":                           {[]policy.Policy{on}, 3, true},
		"demanded, five digits":              {[]policy.Policy{on, {NumberEntry: 5}}, 5, true},
		"both in one layer":                  {[]policy.Policy{both}, 3, false},
		"demanded, off for one application":  {[]policy.Policy{on, off}, 3, false},
		"off, demanded by one application":   {[]policy.Policy{off, on}, 3, false},
		"demanded, not by one, which is off": {[]policy.Policy{on, {NumberEntry: policy.NumberEntryOff, NumberRequired: "off"}}, policy.NumberEntryOff, true},
	} {
		if got := policy.Effective(c.layers...).NumberEntry; got != c.digits {
			t.Errorf("%s: %d digits, want %d", what, got, c.digits)
		}
		if agree := policy.Agree(c.layers...); agree != c.agree {
			t.Errorf("%s: %v", what, agree)
		}
	}
}
