package hosts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"countersign/internal/api/hosts"
	"countersign/internal/domain/application"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit/dbtest"
)

var at = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// counted counts the changes of a database, and can lose it.
type counted struct {
	flow.DB
	writes int
	away   bool
}

func (c *counted) Write(ctx context.Context, change func(flow.Store) error) error {
	if c.away {
		return errors.New("away")
	}
	c.writes++
	return c.DB.Write(ctx, change)
}

// register keeps hosts in a database.
func register(db flow.DB) *directory.Flow {
	return directory.New(directory.Needs{DB: flow.PartOf[directory.Store](db)})
}

func listed(t *testing.T, db flow.DB, app string) (all []string) {
	t.Helper()
	known, err := db.Read().Hosts(t.Context(), app)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range known {
		all = append(all, h.Name+" "+string(h.FailMode))
	}
	return all
}

func TestAHostIsNotedWhenItIsNewWhenItChangesAndOnceADay(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) {
		c := &counted{DB: db}
		now := at
		clock := func() time.Time { return now }
		b := &hosts.Recorder{Store: register(c), Now: clock}
		ssh := application.Application{ID: "DI1"}
		note := func(wantWrites int, want ...string) {
			t.Helper()
			before := c.writes
			if err := b.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := listed(t, db, "DI1"); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%q, want %q", got, want)
			}
			if got := c.writes - before; got != wantWrites {
				t.Errorf("%d changes, want %d", got, wantWrites)
			}
		}
		b.Hear(ssh, "Web1.Example.EDU.", "open")
		b.Hear(ssh, "web2", "closed")
		b.Hear(ssh, "web3", "")
		b.Hear(ssh, "web3", "maybe")
		b.Hear(ssh, "", "open") // the Authentication Proxy tells no name
		note(1, " open", "web1.example.edu open", "web2 closed")
		now = now.Add(23 * time.Hour)
		for range 1000 {
			b.Hear(ssh, "web1.example.edu", "open")
		}
		note(0, " open", "web1.example.edu open", "web2 closed")
		b.Hear(ssh, "web1.example.edu", "closed")
		note(1, " open", "web1.example.edu closed", "web2 closed")
		now = now.Add(time.Hour)
		b.Hear(ssh, "web2", "closed")
		note(1, " open", "web1.example.edu closed", "web2 closed")

		b = &hosts.Recorder{Store: register(c), Now: clock} // another start, or another node
		b.Hear(ssh, "web2", "closed")
		note(0, " open", "web1.example.edu closed", "web2 closed")

		c.away = true
		b.Hear(ssh, "web9", "open")
		if err := b.Flush(t.Context()); err == nil {
			t.Error("nothing is said of a database that is away")
		}
		b.Hear(ssh, "web9", "open")
		c.away = false
		note(1, " open", "web1.example.edu closed", "web2 closed", "web9 open")
	})
}

func TestAFloodOfHostNamesIsBounded(t *testing.T) {
	c := &counted{DB: dbtest.SQLite(t)}
	now := at
	b := &hosts.Recorder{Store: register(c), Now: func() time.Time { return now }}
	hostile, quiet := application.Application{ID: "DI1"}, application.Application{ID: "DI2"}
	for n := range 10_000 {
		b.Hear(hostile, fmt.Sprintf("x%d", n), "open")
	}
	b.Hear(quiet, "web1", "closed")
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, q := len(listed(t, c.DB, "DI1")), len(listed(t, c.DB, "DI2")); a != 300 || q != 1 || c.writes != 2 {
		t.Errorf("%d and %d hosts in %d changes", a, q, c.writes)
	}
	for range 10 {
		now = now.Add(time.Hour)
		for n := range 1000 {
			b.Hear(hostile, fmt.Sprintf("y%d-%d", now.Unix(), n), "open")
		}
		if err := b.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	b.Hear(quiet, "web2", "open")
	if err := b.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, q := len(listed(t, c.DB, "DI1")), len(listed(t, c.DB, "DI2")); a != application.MaxHosts || q != 2 {
		t.Errorf("%d and %d hosts", a, q)
	}
	for range 100_000 {
		b.Hear(hostile, "flips", "open")
		b.Hear(hostile, "flips", "closed")
	}
	before := c.writes
	if err := b.Flush(t.Context()); err != nil || c.writes > before+1 {
		t.Errorf("%d changes of one host, %v", c.writes-before, err)
	}
}

func TestWhatRunHeardIsWrittenWhenItEnds(t *testing.T) {
	db := dbtest.SQLite(t)
	b := &hosts.Recorder{Store: register(db), Now: func() time.Time { return at }}
	b.Hear(application.Application{ID: "DI1"}, "web1", "open")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { b.Run(ctx); close(done) }()
	stop()
	<-done
	if got := listed(t, db, "DI1"); len(got) != 1 {
		t.Errorf("%q", got)
	}
}
