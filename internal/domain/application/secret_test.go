package application_test

import (
	"testing"
	"time"

	"countersign/internal/domain/application"
)

// RULE-34: nobody is taken for a stranger of whom it cannot be told any more.
func TestWhoseSecretsAreForgottenKnowsNoStranger(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		a    application.Application
		want bool
	}{
		"new":                               {application.Application{}, true},
		"reset":                             {application.Application{Retired: make([]application.Retired, 1)}, true},
		"reset too often":                   {application.Application{Retired: make([]application.Retired, application.MaxRetired)}, false},
		"deleted":                           {application.Application{Deleted: now, Retired: make([]application.Retired, 1)}, true},
		"deleted when secrets were dropped": {application.Application{Deleted: now}, false},
	} {
		if got := c.a.KnowsAll(); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
