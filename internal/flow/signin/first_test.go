package signin_test

import (
	"testing"

	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
)

//
func TestASignInBeginsWithTheWayUsedLastElseTheStrongest(t *testing.T) {
	flowkit.Each(t, func(k *flowkit.Kit) {
		app := k.Application("Payroll")
		p := k.Enrolled(app, "alice")
		s := k.Begin(app, "alice").Session()
		for last, want := range map[string]string{"": "push:" + p.ID, "code:" + p.ID: "code:" + p.ID, "push:" + p.ID: "push:" + p.ID, "code:gone": "push:" + p.ID} {
			s.User.LastMethod = last
			if way, ok := s.First(); !ok || way.ID != want {
				k.Errorf("used last: %q, so it begins with %q, want %q", last, way.ID, want)
			}
		}
		if way, ok := (signin.Session{User: s.User}).First(); ok {
			k.Errorf("somebody without a way begins with %q", way.ID)
		}
	})
}
