package audit_test

import (
	"testing"

	"countersign/internal/domain/audit"
)

func TestWhatAnActorMayDo(t *testing.T) {
	both := audit.OverPeople | audit.OverSettings
	for _, c := range []struct {
		by               audit.Actor
		people, settings bool
	}{
		{audit.Actor{}, false, false},
		{audit.Actor{Authority: both}, false, false}, // of no kind
		{audit.System, true, true},
		{audit.CommandLine, true, true},
		{audit.ByPerson("DU1", "ana"), false, false},
		{audit.Actor{Kind: audit.KindPerson, Authority: both}, false, false},
		{audit.ByAdministrator("DA1", "vera", audit.OverPeople), true, false},
		{audit.ByAdministrator("DA1", "vera", both), true, true},
		{audit.ByProgram("DI1", "API", audit.OverSettings), false, true},
		{audit.ByProgram("DI1", "API", 0), false, false},
	} {
		if c.by.May(audit.OverPeople) != c.people || c.by.May(audit.OverSettings) != c.settings || c.by.May(both) != (c.people && c.settings) {
			t.Errorf("%+v", c.by)
		}
	}
}
