package remembered

import (
	"testing"
	"time"
)

// AC-036: expiry, a policy made shorter or switched off, and a clock set back.
func TestABrowserIsGoodOnlyWithinItsTimeAndThePolicysOfNow(t *testing.T) {
	made := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	b := Browser{UserID: "DU1", ApplicationID: "DI1", Created: made, Used: made.Add(2 * Day), Expires: made.Add(30 * Day)}
	for _, c := range []struct {
		what string
		days int
		at   time.Duration
		good bool
	}{
		{"the last moment", 30, 30*Day - 1, true},
		{"expired", 30, 30 * Day, false},
		{"a longer policy does not lengthen it", 60, 30 * Day, false},
		{"a shorter policy", 7, 7*Day - 1, true},
		{"a shorter policy, later", 7, 7 * Day, false},
		{"policy off", -1, 3 * Day, false},
		{"nothing set", 0, 3 * Day, false},
		{"nodes that differ a little", 30, 2*Day - Skew, true},
		{"the clock set back", 30, 2*Day - Skew - 1, false},
	} {
		if b.Good(c.days, made.Add(c.at)) != c.good {
			t.Errorf("%s: good is not %v", c.what, c.good)
		}
	}
	if b.Of("DU2", "DI1") || b.Of("DU1", "DI2") || !b.Of("DU1", "DI1") || (Browser{}).Of("", "") {
		t.Error("it belongs to one user and one application")
	}
}
