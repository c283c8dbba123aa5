package signed_test

import (
	"testing"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
)

// What the node keeps of an application lets nobody in: the row counts.
func TestWhatIsKeptLetsNobodyIn(t *testing.T) {
	keys := secret.Generate()
	for what, try := range map[string]struct {
		code   int
		change func(*application.Application)
	}{
		"turned off":     {40301, func(a *application.Application) { a.Disabled = true }},
		"deleted":        {40301, func(a *application.Application) { a.Disabled, a.Deleted, a.Secret = true, at, nil }},
		"another secret": {40103, func(a *application.Application) { a.Secret = keys.Seal(application.SecretPurpose, a.ID, []byte("new")) }},
		"another type":   {40301, func(a *application.Application) { a.Type = application.TypeWebSDK }},
		"no secret":      {42901, func(a *application.Application) { a.Secret = nil }},
	} {
		caller, b := newCaller(keys)
		caller.Outage = &outage.Monitor{Now: caller.Now}
		for range 2 {
			if _, err := caller.Read(form("DIGOOD").request()); err != nil {
				t.Fatal(err)
			}
		}
		a := b.apps[key("DIGOOD")]
		try.change(&a)
		b.apps[a.ID] = a
		if _, err := caller.Read(form("DIGOOD").request()); err == nil || reply.Of(err).Code != try.code {
			t.Errorf("%s: %v, want %d", what, err, try.code)
		}
	}
	caller, _ := newCaller(keys)
	caller.Outage = &outage.Monitor{Now: caller.Now}
	if _, err := caller.Read(form("DIGOOD").request()); err != nil {
		t.Fatal(err)
	}
	caller.Now = func() time.Time { return at.Add(time.Hour) }
	if _, err := caller.Read(form("DIGOOD").request()); reply.Of(err).Code != 40105 {
		t.Errorf("an old request: %v", err)
	}
}
