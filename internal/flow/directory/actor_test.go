package directory_test

import (
	"crypto/rand"
	"errors"
	"reflect"
	"testing"

	"countersign/internal/domain/audit"
	"countersign/internal/flow/directory"
)

// Every method that takes an actor refuses one without the authority before it reads or writes anything: the database of
// this flow is nil.
func TestAnActorWithoutTheAuthorityIsRefused(t *testing.T) {
	f := reflect.ValueOf(directory.New(directory.Needs{Rand: rand.Reader}))
	settings := map[string]bool{"AddApplication": true, "SetApplication": true, "DeleteApplication": true, "RevealSecret": true,
		"ResetSecret": true, "SetSettings": true, "ForgetApplicationBrowsers": true}
	asked := 0
	for i := range f.NumMethod() {
		name, m := f.Type().Method(i).Name, f.Method(i)
		if m.Type().NumIn() < 2 || m.Type().In(1) != reflect.TypeFor[audit.Actor]() {
			continue
		}
		asked++
		other := audit.OverSettings
		if settings[name] {
			other = audit.OverPeople
		}
		for _, by := range []audit.Actor{{}, audit.ByPerson("DU1", "ana"), audit.ByAdministrator("DA1", "vera", 0), audit.ByAdministrator("DA1", "vera", other),
			audit.ByProgram("DI1", "API", 0), audit.ByProgram("DI1", "API", other)} {
			args := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(by)}
			for n := 2; n < m.Type().NumIn(); n++ {
				args = append(args, reflect.Zero(m.Type().In(n)))
			}
			results := m.Call(args)
			if err, _ := results[len(results)-1].Interface().(error); !errors.Is(err, directory.ErrForbidden) {
				t.Errorf("%s by %+v: %v", name, by, err)
			}
		}
	}
	if asked != 16 {
		t.Errorf("%d methods take an actor", asked)
	}
}

func TestTheLogKeepsWhoDidIt(t *testing.T) {
	each(t, func(b *bench) {
		for _, by := range []audit.Actor{audit.CommandLine, audit.System, audit.ByAdministrator("DA1", "vera", audit.OverPeople),
			audit.ByProgram("DI1", "API", audit.OverPeople|audit.OverSettings)} {
			_, err := b.AddUser(t.Context(), by, "u"+string(by.Kind[0]), directory.UserChange{})
			b.ok(err)
			by.Authority = 0 // of the moment: the log says who, not what they might have done besides
			if got := b.actions()[0].Actor; got != by {
				b.t.Errorf("logged %+v, want %+v", got, by)
			}
		}
	})
}
