package auth

import (
	"context"
	"strconv"
	"testing"
	"time"

	"countersign/internal/api/hosts"
	"countersign/internal/api/outage"
	"countersign/internal/api/signed"
	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
)

// away is a database that can be lost.
type away struct {
	signed.Applications
	lost bool
}

func (a *away) ApplicationByID(ctx context.Context, key string) (application.Application, error) {
	if a.lost {
		return application.Application{}, errs.New(errs.Unavailable, "unavailable")
	}
	return a.Applications.ApplicationByID(ctx, key)
}

// loses gives a door that knows its application, and the database to take away.
func loses(t *testing.T, change ...func(*application.Application)) (*world, *away) {
	w := newWorld(t, change...)
	db := &away{Applications: w.DB.Read()}
	w.door.Applications, w.door.Outage = db, &outage.Monitor{Now: w.Clock.Now}
	w.h = w.door.Handler()
	w.ok("GET", "check")
	return w, db
}

// The words a program or a terminal shows, in the answer of each call (FAIL-4, AC-020).
func TestALostDatabaseDeniesWithAReasonInEachAnswer(t *testing.T) {
	w, db := loses(t)
	db.lost = true
	w.fails(42901, "", "POST", "preauth", "username", "alice")
	w.Clock.Advance(14 * time.Second)
	w.fails(42901, "", "POST", "preauth", "username", "alice")
	w.Clock.Advance(time.Second)
	const reason = "The second step does not work right now. Try again in some minutes."
	for _, more := range [][]string{nil, {"text_prompt", "1", "failmode", "open", "hostname", "web1", "client_supports_verified_push", "1"}} {
		if a := w.ok("POST", "preauth", append([]string{"username", "alice"}, more...)...); a.Result != "deny" || a.Message != reason || a.Prompt != nil || a.TxID != "" {
			t.Errorf("preauth: %+v", a)
		}
	}
	if a := w.ok("POST", "auth", "username", "alice", "factor", "push", "device", "auto"); a.Result != "deny" || a.Status != "deny" || a.Message != reason {
		t.Errorf("auth: %+v", a)
	}
	later := w.ok("POST", "auth", "username", "alice", "factor", "prompt", "prompt", "1", "async", "1")
	if later.TxID == "" {
		t.Fatalf("auth, to be told later: %+v", later)
	}
	for _, txid := range []string{later.TxID, "another"} {
		if a := w.ok("GET", "auth_status", "txid", txid); a.Result != "deny" || a.Message != reason {
			t.Errorf("auth_status: %+v", a)
		}
	}
	for _, call := range [][]string{{"GET", "check"}, {"GET", "logo"}, {"POST", "enroll", "username", "eve"}, {"POST", "enroll_status", "user_id", "x", "activation_code", "y"}} {
		w.fails(42901, "", call[0], call[1], call[2:]...)
	}
	db.lost = false
	if a := w.ok("GET", "auth_status", "txid", later.TxID); a.Result != "deny" {
		t.Errorf("the outcome, once the database is back: %+v", a)
	}
}

func TestALostDatabaseIs503WhereTheClientDecides(t *testing.T) {
	w, db := loses(t, func(a *application.Application) { a.Options.Outage = application.OutageClient })
	db.lost = true
	w.fails(42901, "", "POST", "preauth", "username", "alice")
	w.Clock.Advance(14 * time.Second)
	w.fails(42901, "", "POST", "preauth", "username", "alice")
	w.Clock.Advance(time.Second)
	for _, call := range [][]string{{"preauth", "username", "alice"}, {"auth", "username", "alice", "factor", "push", "device", "auto"}} {
		w.fails(50301, "", "POST", call[0], call[1:]...)
	}
	right := w.skey
	w.skey = "another"
	w.fails(42901, "", "POST", "preauth", "username", "alice")
	w.skey = right
	db.lost = false
	w.ok("GET", "check")
}

// The database goes while a call is under way: that is no outage, whatever was kept, and never 503. The same question
// is denied in the end.
func TestAFlowThatLosesTheDatabaseIs429AtFirst(t *testing.T) {
	w, _ := loses(t, func(a *application.Application) { a.Options.Outage = application.OutageClient })
	w.door.SignIn = broken{SignIn: w.SignIn}
	for i := range 4 {
		if i < 2 {
			w.fails(42901, "", "POST", "preauth", "username", "alice")
		} else if a := w.ok("POST", "preauth", "username", "alice"); a.Result != "deny" {
			t.Errorf("%+v", a)
		}
		w.fails(42901, "", "POST", "preauth", "username", "bob"+strconv.Itoa(i)) // others are asked to wait
		w.Clock.Advance(10 * time.Second)
	}
}

// FAIL-6: Duo Unix from 2.2 comes here.
func TestPreauthTellsTheFailModeOfAHost(t *testing.T) {
	w := newWorld(t)
	w.door.Hosts = &hosts.Recorder{Store: w.Directory, Now: w.Clock.Now}
	w.ok("POST", "preauth", "username", "alice", "text_prompt", "1", "failmode", "open", "hostname", "web1")
	w.ok("POST", "preauth", "username", "alice")
	w.OK(w.door.Hosts.Flush(t.Context()))
	known, err := w.DB.Read().Hosts(t.Context(), w.app.ID)
	if w.OK(err); len(known) != 1 || known[0].Name != "web1" || known[0].FailMode != application.FailsOpen {
		t.Errorf("%+v", known)
	}
}
