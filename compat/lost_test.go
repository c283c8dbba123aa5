package compat

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // to read the record

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
	"countersign/internal/testkit/pgtest"
)

// TestALostDatabaseLetsNobodyInAndIsFoundAgain lets PostgreSQL take nothing, as after a failover, then stops it under
// the program and starts it again.
func TestALostDatabaseLetsNobodyInAndIsFoundAgain(t *testing.T) {
	t.Parallel()
	cluster := pgtest.OwnCluster(t)
	w := openDoors(t, startDemoIn(t, t.TempDir(), "COUNTERSIGN_DATABASE_URL="+cluster.DSN))
	h := unixHost(w.demo)
	page, asked := w.follow(), w.watch(w.pete, "Afterwards")
	before := w.shed()
	readOnly(t, cluster.DSN, true)
	w.knock()
	if w.shed() == before {
		t.Error("nothing was turned away: the database takes changes")
	}
	readOnly(t, cluster.DSN, false)
	before = w.shed()
	cluster.Stop()
	w.knock()
	w.poll()
	h.staysOutside()
	if w.shed() == before {
		t.Error("nothing was turned away: the database was not lost")
	}
	cluster.Start()
	w.goOn()
	w.hasRows("pgx", cluster.DSN)
	hears(t, "the waiting page", page)
	w.call(w.vpn, "POST", "/auth/v2/auth", "username", "pete", "factor", "push", "device", "auto", "async", "1", "type", "Afterwards")
	hears(t, "the phone", asked)
}

// TestAFrozenDatabaseLetsNobodyIn: connections stand and nothing answers. Preauth and the health check do, within
// two seconds.
func TestAFrozenDatabaseLetsNobodyIn(t *testing.T) {
	t.Parallel()
	cluster := pgtest.OwnCluster(t)
	w := openDoors(t, startDemoIn(t, t.TempDir(), "COUNTERSIGN_DATABASE_URL="+cluster.DSN))
	h := unixHost(w.demo)
	thaw := cluster.Freeze()
	w.knock()
	h.staysOutside()
	thaw()
	w.goOn()
	w.hasRows("pgx", cluster.DSN)
}

// TestWhoGetsInDuringAnOutageIsTheOwnersChoice: without the switch a lost database denies on hosts of either fail mode,
// at first as too busy, then with a reason. With it the host's fail mode decides, after the same 15 seconds and not
// before (AC-020, FAIL-4). Bea needs no second step, which nobody knows while the database is lost; Pete had his menu
// before.
func TestWhoGetsInDuringAnOutageIsTheOwnersChoice(t *testing.T) {
	t.Parallel()
	cluster := pgtest.OwnCluster(t)
	w := openDoors(t, startDemoIn(t, t.TempDir(), "COUNTERSIGN_DATABASE_URL="+cluster.DSN))
	ours, theirs := unixHost(w.demo), unixHost(w.demo, "--outage", "client")
	for _, h := range []*host{ours, theirs} {
		if let, said := h.batch("bea"); !let {
			t.Fatalf("before: %s", said)
		}
	}
	for _, harm := range []struct {
		name string
		do   func() (mend func())
	}{
		{"stopped", func() func() { cluster.Stop(); return cluster.Start }},
		{"frozen", cluster.Freeze},
	} {
		menu := theirs.at("pete", "prompts=1")
		menu.sees("(1-1): ")
		began := time.Now()
		mend := harm.do()
		for let := false; !let; {
			var said string
			if let, said = theirs.batch("bea"); let && time.Since(began) < 15*time.Second {
				t.Errorf("%s: in after %s: %s", harm.name, time.Since(began), said)
			}
			if _, said := ours.batch("bea"); !let && time.Since(began) < 10*time.Second && !strings.Contains(said, "429") {
				t.Errorf("%s, at first: %s", harm.name, said)
			}
			if time.Since(began) > 2*time.Minute {
				t.Fatalf("%s: the host's fail mode never decided: %s", harm.name, said)
			}
		}
		menu.types("1")
		theirs.expect(menu, false) // the fail mode is for the first call only
		if let, said := theirs.batch("bea", "failmode=secure"); let {
			t.Errorf("%s, the client decides, secure: let in: %s", harm.name, said)
		}
		for _, mode := range []string{"failmode=safe", "failmode=secure"} {
			if let, said := ours.batch("bea", mode); let || !strings.Contains(said, "second step does not work right now") {
				t.Errorf("%s, %s: let in %v: %s", harm.name, mode, let, said)
			}
		}
		if let, said := theirs.batch("bea", "skey="+strings.Repeat("x", 40), "failmode=safe"); let {
			t.Errorf("%s, another key: let in: %s", harm.name, said)
		}
		mend()
		for let := false; !let; {
			if let, _ = ours.batch("bea"); !let && time.Since(began) > 4*time.Minute {
				t.Fatalf("%s: nobody gets in afterwards", harm.name)
			}
		}
	}
}

// TestTheOwnerSeesWhichHostsFailOpen: login_duo tells its fail mode, and app hosts lists it (FAIL-6).
func TestTheOwnerSeesWhichHostsFailOpen(t *testing.T) {
	t.Parallel()
	h := unixHost(startDemo(t))
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for mode, told := range map[string]string{"safe": "open", "secure": "closed"} {
		h.batch("stranger", "failmode="+mode)
		var hosts []struct {
			Host      string
			FailMode  string `json:"fail_mode"`
			FailsOpen bool   `json:"fails_open"`
		}
		for end := time.Now().Add(30 * time.Second); len(hosts) != 1 || hosts[0].FailMode != told; time.Sleep(500 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("failmode=%s is listed as %+v", mode, hosts)
			}
			h.command(&hosts, "app", "hosts", h.ID)
		}
		if !strings.HasPrefix(hosts[0].Host, strings.ToLower(name)) || hosts[0].FailsOpen != (mode == "safe") {
			t.Errorf("failmode=%s on %s is listed as %+v", mode, name, hosts)
		}
	}
}

// readOnly lets a whole cluster refuse changes, in sessions that stand too.
func readOnly(t *testing.T, dsn string, on bool) {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{fmt.Sprintf("ALTER SYSTEM SET default_transaction_read_only = %v", on), "SELECT pg_reload_conf()"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	for now := ""; now != map[bool]string{true: "on", false: "off"}[on]; {
		if err := db.QueryRowContext(t.Context(), "SHOW default_transaction_read_only").Scan(&now); err != nil {
			t.Fatal(err)
		}
	}
}

func hears(t *testing.T, who string, news <-chan error) {
	t.Helper()
	select {
	case err := <-news:
		if err != nil {
			t.Errorf("%s: %v", who, err)
		}
	case <-time.After(time.Minute):
		t.Errorf("%s hears nothing", who)
	}
}

// follow is olga's waiting page, as its script asks (live.js). It gives nil when the page is told to go on.
func (w *doors) follow() <-chan error {
	news := make(chan error, 1)
	client, address := w.waiting.client, w.waiting.at.String()+"/status?since="
	go func() {
		version := 0
		for w.demo.t.Context().Err() == nil {
			r, err := http.NewRequestWithContext(w.demo.t.Context(), "GET", address+fmt.Sprint(version), nil)
			if err != nil {
				news <- err
				return
			}
			r.Header.Set("Accept", "application/json")
			answer, err := client.Do(r)
			if err != nil {
				time.Sleep(200 * time.Millisecond)
				continue
			}
			var state struct {
				Version int
				Next    string
			}
			err = json.NewDecoder(answer.Body).Decode(&state)
			answer.Body.Close()
			switch {
			case answer.StatusCode == http.StatusTooManyRequests:
				time.Sleep(200 * time.Millisecond)
			case answer.StatusCode != http.StatusOK || err != nil:
				news <- fmt.Errorf("status %d, %v", answer.StatusCode, err)
				return
			case state.Next != "":
				news <- nil
				return
			default:
				version = state.Version
			}
		}
	}()
	return news
}

// watch is a phone whose app is open. It gives nil once a request with this title is shown.
func (w *doors) watch(d *phone.Device, title string) <-chan error {
	news, shown := make(chan error, 1), errors.New("shown")
	go func() {
		err := d.Watch(w.demo.t.Context(), func(r phonewire.Request) error {
			if r.Title == title {
				return shown
			}
			return nil
		}, nil)
		if err == shown {
			err = nil
		}
		news <- err
	}()
	return news
}
