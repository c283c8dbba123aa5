package signed_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/api/outage"
	"countersign/internal/api/reply"
	"countersign/internal/api/signed"
	"countersign/internal/base/duosign"
	"countersign/internal/base/errs"
	"countersign/internal/base/secret"
	"countersign/internal/domain/application"
)

var errAway = errs.New(errs.Unavailable, "unavailable")

// failing is a book whose database can be lost, on a clock of its own.
type failing struct {
	*book
	keys   *secret.Keyring
	clock  time.Time
	away   error // nil: the database answers
	asked  int
	during func() // runs inside the next lookup
}

func (f *failing) ApplicationByID(ctx context.Context, id string) (application.Application, error) {
	f.asked++
	a, err := f.book.ApplicationByID(ctx, id)
	if run := f.during; run != nil {
		f.during = nil
		run()
	}
	if f.away != nil {
		return application.Application{}, f.away
	}
	return a, err
}

func (f *failing) all(context.Context) ([]application.Application, error) {
	if f.away != nil {
		return nil, f.away
	}
	var all []application.Application
	for _, a := range f.apps {
		if a.Deleted.IsZero() {
			all = append(all, a)
		}
	}
	return all, nil
}

func (f *failing) change(name string, change func(*application.Application)) {
	a := f.apps[key(name)]
	change(&a)
	f.apps[a.ID] = a
}

func newFailing() (*signed.Reader, *failing) {
	keys := secret.Generate()
	caller, b := newCaller(keys)
	f := &failing{book: b, keys: keys, clock: at}
	now := func() time.Time { return f.clock }
	b.apps[key("DISWITCH")] = func() application.Application {
		a := b.apps[key("DIUNIX")]
		a.ID, a.Options.Outage = key("DISWITCH"), application.OutageClient
		a.Secret = keys.Seal(application.SecretPurpose, a.ID, []byte(skey))
		return a
	}()
	caller.Applications, caller.Now, caller.Outage = f, now, &outage.Monitor{Now: now}
	return caller, f
}

// ask is what a caller gets: "in", "deny", or a code.
func ask(t *testing.T, c *signed.Reader, f *failing, what call) string {
	t.Helper()
	if what.date != "" {
		what.date = f.clock.Format(time.RFC1123Z)
	}
	return outcome(c, what.request())
}

func outcome(c *signed.Reader, r *http.Request) string {
	in, err := c.Read(r)
	var lost *outage.Lost
	switch {
	case err == nil:
		return "in"
	case errors.As(err, &lost) && in.Application.ID != "" && in.Params != nil:
		return "deny"
	case in.Application.ID != "" || in.Params != nil:
		return "a request beside an error"
	}
	w := httptest.NewRecorder()
	reply.Fail(w, err)
	if (w.Code == 429) != (w.Header().Get("Retry-After") != "") {
		return "no Retry-After with 429"
	}
	return http.StatusText(w.Code)
}

const (
	shed    = "Too Many Requests"
	service = "Service Unavailable"
)

func (f *failing) pass(t *testing.T, c *signed.Reader, d time.Duration) {
	t.Helper()
	for end := f.clock.Add(d); f.clock.Before(end); f.clock = f.clock.Add(min(5*time.Second, end.Sub(f.clock))) {
		if got := ask(t, c, f, form("DINOBODY")); f.away != nil && got != shed {
			t.Fatalf("a key nobody has: %s", got)
		}
	}
}

// FAIL-4
func TestALostDatabaseIs429For15SecondsThenDenyWithAKeptKeyFor15Minutes(t *testing.T) {
	c, f := newFailing()
	for _, name := range []string{"DIGOOD", "DISWITCH"} {
		if got := ask(t, c, f, form(name)); got != "in" {
			t.Fatal(got)
		}
	}
	began := f.clock
	f.away = errAway
	for _, step := range []struct {
		at           time.Duration
		good, client string
	}{
		{0, shed, shed}, {14 * time.Second, shed, shed}, {15 * time.Second, "deny", service}, {time.Minute, "deny", service},
		{14*time.Minute + 59*time.Second, "deny", service}, {15 * time.Minute, shed, shed}, {time.Hour, shed, shed},
	} {
		f.pass(t, c, began.Add(step.at).Sub(f.clock))
		if good, client := ask(t, c, f, form("DIGOOD")), ask(t, c, f, form("DISWITCH")); good != step.good || client != step.client {
			t.Errorf("after %v: %s and, where the client decides, %s; want %s and %s", step.at, good, client, step.good, step.client)
		}
	}
	f.away = nil
	if got := ask(t, c, f, form("DIGOOD")); got != "in" {
		t.Errorf("afterwards: %s", got)
	}
	f.away = errAway
	if got := ask(t, c, f, form("DISWITCH")); got != shed {
		t.Errorf("the next outage begins with %s", got)
	}
}

// RULE-30 and RULE-31: what is kept accuses nobody and lets nobody past a check.
func TestOnlyAGoodRequestIsToldMoreThan429WhileTheDatabaseIsLost(t *testing.T) {
	c, f := newFailing()
	names := []string{"DIGOOD", "DIUNIX", "DISWITCH", "DIOFF", "DIGONE", "DIWEB", "DIBROKEN", "DIPORTAL", "DINOBODY"}
	for _, name := range names {
		ask(t, c, f, form(name))
	}
	f.away = errAway
	f.pass(t, c, 20*time.Second)
	for _, name := range names {
		good := form(name)
		good.date = f.clock.Format(time.RFC1123Z)
		want := map[string]string{"DIGOOD": "deny", "DIUNIX": "deny", "DISWITCH": service}[name]
		if want == "" {
			want = shed
		}
		if got := outcome(c, good.request()); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		for what, change := range map[string]func(*call){
			"another secret":     func(c *call) { c.skey = "x" },
			"an old date":        func(c *call) { c.date = at.Add(-time.Hour).Format(time.RFC1123Z) },
			"a duplicate":        func(c *call) { c.body = "user=a&user=b" },
			"no text":            func(c *call) { c.body = "user=%ff" },
			"too much":           func(c *call) { c.body = "user=" + strings.Repeat("a", 64<<10) },
			"too many":           func(c *call) { c.body = many(300) },
			"a broken escape":    func(c *call) { c.body = "user=%zz" },
			"another body":       func(c *call) { c.after = func(r *http.Request) { r.URL.RawQuery = "user=x" } },
			"a packed body":      func(c *call) { c.after = func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") } },
			"a body that breaks": func(c *call) { c.kind, c.version, c.body = "application/json", duosign.V5, `{"user":` },
		} {
			bad := good
			change(&bad)
			if got := outcome(c, bad.request()); got != shed && !(what == "too much" && got == "Request Entity Too Large") {
				t.Errorf("%s, %s: %s", name, what, got)
			}
		}
	}
}

func TestWhatTheDatabaseSaidLastHolds(t *testing.T) {
	c, f := newFailing()
	in := func(name string) {
		t.Helper()
		if got := ask(t, c, f, form(name)); got != "in" {
			t.Fatal(got)
		}
	}
	lost := func(name string) string {
		t.Helper()
		f.away = errAway
		f.pass(t, c, 20*time.Second)
		defer func() { f.away = nil }()
		return ask(t, c, f, form(name))
	}
	in("DIGOOD")
	f.change("DIGOOD", func(a *application.Application) {
		a.Secret = f.keys.Seal(application.SecretPurpose, a.ID, []byte(strings.Repeat("n", 40)))
	})
	if got := ask(t, c, f, form("DIGOOD")); got != "Unauthorized" {
		t.Fatalf("the old secret, while the database answers: %s", got)
	}
	if got := lost("DIGOOD"); got != shed {
		t.Errorf("the old secret, after a reset this node saw: %s", got)
	}
	in("DIUNIX")
	f.change("DIUNIX", func(a *application.Application) { a.Disabled = true })
	ask(t, c, f, form("DIUNIX"))
	if got := lost("DIUNIX"); got != shed {
		t.Errorf("a disabled application: %s", got)
	}
	in("DISWITCH")
	f.change("DISWITCH", func(a *application.Application) { a.Options.Outage = application.OutageDeny })
	in("DISWITCH")
	if got := lost("DISWITCH"); got != "deny" {
		t.Errorf("the switch that was turned off: %s", got)
	}
	in("DIDATELESS")
	f.during = func() { // a lookup overtakes one that began before it
		f.change("DIDATELESS", func(a *application.Application) { a.Disabled = true })
		f.clock = f.clock.Add(time.Second)
		if got := ask(t, c, f, form("DIDATELESS")); got != "Forbidden" {
			t.Errorf("a disabled application: %s", got)
		}
	}
	ask(t, c, f, form("DIDATELESS"))
	if got := lost("DIDATELESS"); got != shed {
		t.Errorf("an older answer took the place of a newer one: %s", got)
	}
	before := f.asked
	in("DISWITCH")
	if f.asked != before+1 {
		t.Error("a request was answered without a lookup")
	}
}

// Nobody outside can make an outage, and neither can one broken row.
func TestOnlyADatabaseThatIsAwayIsAnOutage(t *testing.T) {
	for name, during := range map[string]func(f *failing, leave context.CancelFunc){
		"a caller who leaves during the lookup": func(f *failing, leave context.CancelFunc) { f.away = context.Canceled; leave() },
		"a caller whose time is over":           func(f *failing, leave context.CancelFunc) { f.away = context.DeadlineExceeded; leave() },
		"a row that does not decode":            func(f *failing, _ context.CancelFunc) { f.away = errors.New("stored JSON") },
		"one failure a minute":                  func(f *failing, _ context.CancelFunc) { f.away = errAway; f.clock = f.clock.Add(55 * time.Second) },
	} {
		c, f := newFailing()
		ask(t, c, f, form("DISWITCH"))
		for range 10 {
			what := form("DISWITCH")
			what.date = f.clock.Format(time.RFC1123Z)
			ctx, leave := context.WithCancel(t.Context())
			f.during = func() { during(f, leave) }
			if got := outcome(c, what.request().WithContext(ctx)); got != shed {
				t.Errorf("%s: %s", name, got)
			}
			leave()
			f.clock = f.clock.Add(5 * time.Second)
		}
	}
}

func TestRetryAfterGrowsFromTwoToEightSeconds(t *testing.T) {
	c, f := newFailing()
	f.away = errAway
	var waits []string
	for range 5 {
		w := httptest.NewRecorder()
		_, err := c.Read(form("DIGOOD").request())
		reply.Fail(w, err)
		waits = append(waits, w.Header().Get("Retry-After"))
		f.clock = f.clock.Add(4 * time.Second)
	}
	if got := strings.Join(waits, " "); got != "2 4 6 8 8" {
		t.Error(got)
	}
}

// A host that nobody has signed in to for an hour is told the reason, too, and one request is enough to learn it.
func TestTheWatchKnowsQuietApplicationsAndSeesTheDatabaseComeBack(t *testing.T) {
	c, f := newFailing()
	c.Outage.All = f.all
	step := func(d time.Duration) {
		f.clock = f.clock.Add(d)
		c.Outage.Look(t.Context())
	}
	step(0)
	step(time.Hour)
	f.away = errAway
	step(2 * time.Minute)
	if got := ask(t, c, f, form("DISWITCH")); got != shed {
		t.Errorf("at first: %s", got)
	}
	for range 3 {
		step(6 * time.Second)
	}
	if got := ask(t, c, f, form("DISWITCH")); got != service {
		t.Errorf("18 seconds later: %s", got)
	}
	if got := ask(t, c, f, form("DIGOOD")); got != "deny" {
		t.Errorf("18 seconds later: %s", got)
	}
	f.away = nil
	step(time.Second)
	f.away = errAway
	if got := ask(t, c, f, form("DISWITCH")); got != shed {
		t.Errorf("after the watch saw the database: %s", got)
	}
	f.away = nil
	f.change("DIGOOD", func(a *application.Application) { a.Deleted = at })
	step(6 * time.Minute)
	f.away = errAway
	for range 3 {
		step(6 * time.Second)
	}
	if got := ask(t, c, f, form("DIGOOD")); got != shed {
		t.Errorf("an application that was deleted: %s", got)
	}
}
