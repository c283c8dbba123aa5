package unix

import (
	"context"
	"maps"
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
func loses(t *testing.T, change func(*application.Application)) (*world, *away) {
	w := newWorld(t)
	change(&w.app)
	w.Save(w.app)
	db := &away{Applications: w.DB.Read()}
	w.door.Applications, w.door.Outage = db, &outage.Monitor{Now: w.Clock.Now}
	w.h = w.door.Handler()
	w.preauth("stranger")
	return w, db
}

// The words that the client prints, in the answer that each of its calls understands (FAIL-4, AC-020).
func TestALostDatabaseDeniesWithAReasonInEachAnswer(t *testing.T) {
	w, db := loses(t, func(*application.Application) {})
	db.lost = true
	if out := w.preauth("alice"); out.code != 42901 {
		t.Errorf("at first: %+v", out)
	}
	w.Clock.Advance(10 * time.Second)
	w.preauth("alice")
	w.Clock.Advance(5 * time.Second)
	const reason = "The second step does not work right now. Try again in some minutes."
	if out := w.preauth("alice"); out.result != "deny" || out.status != reason {
		t.Errorf("preauth: %+v", out)
	}
	if out := w.auth("alice", "push1", "0"); out.result != "deny" || out.status != reason {
		t.Errorf("auth: %+v", out)
	}
	later := w.auth("alice", "123456", "1")
	if later.txid == "" {
		t.Fatalf("auth, to be told later: %+v", later)
	}
	for _, txID := range []string{later.txid, "another"} {
		if out := w.status(txID); out.result != "deny" || out.status != reason {
			t.Errorf("status: %+v", out)
		}
	}
	if code, doc := w.get(w.request("POST", At+"preauth", w.skey, pairs("user", "alice"))); code != 200 ||
		doc["response"].(map[string]any)["result"] != "deny" || doc["response"].(map[string]any)["status"] != reason {
		t.Errorf("preauth in JSON: %d %v", code, doc)
	}
	if code, doc := w.get(w.request("GET", At+"check", w.skey, nil)); code != 429 {
		t.Errorf("check: %d %v", code, doc)
	}
	if code, doc := w.get(w.request("POST", At+"preauth", "another", pairs("user", "alice"))); code != 429 {
		t.Errorf("another secret: %d %v", code, doc)
	}
	db.lost = false
	if out := w.status(later.txid); out.result != "deny" {
		t.Errorf("the outcome, once the database is back: %+v", out)
	}
	if out := w.preauth("stranger"); out.result != "enroll" {
		t.Errorf("once the database is back: %+v", out)
	}
}

func TestALostDatabaseIs503WhereTheClientDecides(t *testing.T) {
	w, db := loses(t, func(a *application.Application) { a.Options.Outage = application.OutageClient })
	db.lost = true
	for _, want := range []int32{42901, 42901, 50301} {
		if out := w.preauth("alice"); out.code != want {
			t.Errorf("%+v, want %d", out, want)
		}
		w.Clock.Advance(8 * time.Second)
	}
	if code, doc := w.get(w.request("POST", At+"preauth", "another", pairs("user", "alice"))); code != 429 {
		t.Errorf("another secret: %d %v", code, doc)
	}
}

// FAIL-6, in both spellings of the door.
func TestPreauthTellsTheFailModeOfAHost(t *testing.T) {
	w := newWorld(t)
	w.door.Hosts = &hosts.Recorder{Store: w.Directory, Now: w.Clock.Now}
	w.preauth("stranger", "hostname", "web1.example.edu", "failmode", "open")
	w.get(w.request("POST", At+"preauth", w.skey, pairs("user", "stranger", "failmode", "closed", "hostname", "web2")))
	w.get(w.request("POST", At+"preauth", w.skey, pairs("user", "stranger", "failmode", "safe", "hostname", "web4"))) // as the proxy says it
	w.get(w.request("POST", At+"preauth", w.skey, pairs("user", "stranger", "failmode", "secure", "hostname", "web5")))
	w.get(w.request("POST", At+"preauth", "another", pairs("user", "stranger", "failmode", "open", "hostname", "web3")))
	w.OK(w.door.Hosts.Flush(ctx))
	known, err := w.DB.Read().Hosts(ctx, w.app.ID)
	w.OK(err)
	modes := map[string]application.FailMode{}
	for _, h := range known {
		modes[h.Name] = h.FailMode
	}
	if want := map[string]application.FailMode{"web1.example.edu": application.FailsOpen, "web2": application.FailsClosed, "web4": application.FailsOpen, "web5": application.FailsClosed}; !maps.Equal(modes, want) {
		t.Errorf("%v, want %v", modes, want)
	}
}
