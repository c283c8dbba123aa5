package api_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"countersign/internal/api"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// people reads persons along with the applications of a book, and notes whom.
type people struct {
	*book
	asked []string
	fails error
}

func (p *people) SnapshotByApplication(ctx context.Context, id, name string) (flow.Snapshot, error) {
	p.asked = append(p.asked, name)
	if p.fails != nil {
		return flow.Snapshot{}, p.fails
	}
	a, err := p.ApplicationByID(ctx, id)
	return flow.Snapshot{Application: a, User: user.User{ID: "DU1", Username: name}}, err
}

// One journey to the database for a call about a person, once the node knows the application; nobody is read for a stranger.
func TestThePersonIsReadAlongForWhoSignsRight(t *testing.T) {
	caller, b := newCaller(secret.Generate())
	p := &people{book: b}
	caller.People, caller.Outage = p, &api.Outage{Now: caller.Now}
	read := func(c call) (api.Signed, error) { return caller.Read(c.request()) }
	asked := func(what string, want int) {
		t.Helper()
		if len(p.asked) != want {
			t.Errorf("%s: people asked for: %q", what, p.asked)
		}
		p.asked = nil
	}
	in, err := read(form("DIGOOD"))
	asked("an application not known yet", 0)
	if err != nil || in.Seen != nil {
		t.Fatalf("the first call: %+v, %v", in.Seen, err)
	}
	in, err = read(form("DIGOOD"))
	asked("a known one", 1)
	if err != nil || in.Seen == nil || in.Seen.Name != "alice" || in.Seen.User.ID != "DU1" || !in.Seen.At.Equal(at) || in.Application.ID != key("DIGOOD") {
		t.Fatalf("the next call: %+v, %v", in.Seen, err)
	}
	for what, change := range map[string]func(*call){
		"a stranger":     func(c *call) { c.skey = "x" },
		"another key":    func(c *call) { c.key = key("DINOBODY") },
		"no name":        func(c *call) { c.body = "ipaddr=" },
		"two names":      func(c *call) { c.body = "username=alice&username=bob" },
		"an evil name":   func(c *call) { c.body = "username=a%7Cb" },
		"in another way": func(c *call) { c.body, c.query = "", "username=alice" },
	} {
		c := form("DIGOOD")
		change(&c)
		if in, _ := read(c); in.Seen != nil {
			t.Errorf("%s: %+v", what, in.Seen)
		}
		asked(what, 0)
	}
	p.fails = errors.New("a row that does not decode")
	if in, err := read(form("DIGOOD")); err != nil || in.Seen != nil || in.Application.ID == "" {
		t.Errorf("a damaged person: %+v, %v", in.Seen, err)
	}
	p.fails, b.down = context.DeadlineExceeded, true
	if _, err := read(form("DIGOOD")); api.ErrorOf(err).Code != 42901 {
		t.Errorf("a lost database: %v", err)
	}
}

// What the node knew of an application lets nobody in: the row counts.
func TestAGuessLetsNobodyIn(t *testing.T) {
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
		caller.People, caller.Outage = &people{book: b}, &api.Outage{Now: caller.Now}
		for range 2 {
			if _, err := caller.Read(form("DIGOOD").request()); err != nil {
				t.Fatal(err)
			}
		}
		a := b.apps[key("DIGOOD")]
		try.change(&a)
		b.apps[a.ID] = a
		if _, err := caller.Read(form("DIGOOD").request()); err == nil || api.ErrorOf(err).Code != try.code {
			t.Errorf("%s: %v, want %d", what, err, try.code)
		}
	}
	caller, b := newCaller(keys)
	caller.People, caller.Outage = &people{book: b}, &api.Outage{Now: caller.Now}
	if _, err := caller.Read(form("DIGOOD").request()); err != nil {
		t.Fatal(err)
	}
	caller.Now = func() time.Time { return at.Add(time.Hour) }
	if _, err := caller.Read(form("DIGOOD").request()); api.ErrorOf(err).Code != 40105 {
		t.Errorf("an old request: %v", err)
	}
}
