package parity

import (
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/testkit"
)

// RULE-11: where newcomers are let in unasked, somebody who lost every device is none, with and without the record of one.
// Somebody who never had one is the control.
func TestWhoeverHadADeviceIsNoNewUserAtAnyDoor(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		w := &world{Program: testkit.Start(t, database), t: t}
		w.api = w.Client()
		base := situation{known: true, spelling: "%s", ask: nothing, rounds: 1, threshold: lockoutThreshold,
			person: user.User{Status: user.Active, Created: w.Clock.Now().Add(-24 * time.Hour)},
			policy: policy.Policy{Spare: policy.SpareOff, NewUser: policy.NewUserAllow}}
		had := base
		had.person.FirstEnrolled = w.Clock.Now().Add(-time.Hour)
		left := had
		left.phones = []device{{}}
		for n, s := range []situation{base, had, left} {
			twins, outcomes, err := w.play(n, s)
			if err != nil {
				t.Fatal(err)
			}
			for i, o := range outcomes {
				if in := strings.Contains(string(o.Decision), string(allowed)); in == (n > 0) {
					t.Errorf("had a device %v, its record is there %v, door %s: %s, %s", n > 0, len(s.phones) > 0, twins[i].door, o.Decision, o.Logged)
				}
			}
		}
	})
}
