package login

import (
	"testing"
	"time"
)

// WCAG 2.2.1: the same time again, ten times; RULE-21 is the time.
func TestTheSameTimeIsGivenAgainTenTimes(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		login Login
		life  time.Duration
		whole time.Duration
	}{
		"a sign-in":        {Login{Door: "oidc"}, Life, 110 * time.Minute},
		"setting up":       {Login{Door: "enrollment", Enrolling: true}, EnrollLife, 330 * time.Minute},
		"a frame":          {Login{Door: DoorFrame}, Life, time.Hour},
		"a frame, set up":  {Login{Door: DoorFrame, Enrolling: true}, EnrollLife, time.Hour},
		"a wizard by link": {Login{Door: DoorWizard, Enrolling: true}, EnrollLife, 330 * time.Minute},
	} {
		l := c.login
		l.Created, l.Expires = made, made.Add(c.life)
		if early := l.Later(made); !early.Equal(l.Expires) {
			t.Errorf("%s: asked at once it ends at %v", name, early)
		}
		for range 2 * Extensions { // always at the last moment
			now := l.Expires.Add(-time.Nanosecond)
			until := l.Later(now)
			if until.Before(l.Expires) || until.After(now.Add(c.life)) {
				t.Fatalf("%s: %v becomes %v", name, l.Expires, until)
			}
			l.Expires = until
		}
		if whole := l.Expires.Sub(made); whole > c.whole || c.whole-whole > time.Microsecond {
			t.Errorf("%s lasts %v at most, want %v", name, whole, c.whole)
		}
	}
}

func TestATimeOnceGivenIsNotTakenBack(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	l := Login{Created: made, Expires: made.Add(5 * EnrollLife)} // set up is done: the life is the shorter one now
	if got := l.Later(made.Add(4 * EnrollLife)); !got.Equal(l.Expires) {
		t.Errorf("it ends at %v", got)
	}
}
