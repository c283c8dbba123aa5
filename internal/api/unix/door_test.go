package unix

import (
	"context"
	"countersign/internal/base/message"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/signin"
)

func TestAPersonWithAPhoneGetsAMenuAndAnswersIt(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	out := w.preauth("ANA")
	if out.result != "auth" || out.factors["default"] != "push1" || out.factors["1"] != "push1" || !strings.HasSuffix(out.prompt, "(1-1): ") {
		t.Fatalf("%+v", out)
	}
	sent := w.auth("ana", "push1", "1")
	if sent.txid == "" {
		t.Fatalf("%+v", sent)
	}
	asked, err := w.Mobile.Requests(ctx, p.ID)
	w.OK(err)
	if len(asked) != 1 || asked[0].IP != "192.0.2.7" || len(asked[0].Info) != 3 || asked[0].Info[2].Label != "Command" || asked[0].Info[2].Value != "rsync -a [2J" {
		t.Fatalf("the phone shows %+v", asked)
	}
	if first := w.status(sent.txid); first.result != "" || first.status == "" {
		t.Errorf("the first poll: %+v", first)
	}
	tx, err := w.DB.Read().TransactionByID(ctx, sent.txid)
	w.OK(err)
	w.OK(p.Approve(tx))
	if last := w.status(sent.txid); last.result != "allow" {
		t.Errorf("%+v", last)
	}
	if other := w.status("6e0b1d0a-0000-4000-8000-000000000000"); other.code != 40401 {
		t.Errorf("somebody else's txid: %+v", other)
	}
}

func TestTheThreeSpellingsSayTheSame(t *testing.T) {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	for _, suffix := range []string{"", ".json"} {
		status, doc := w.get(w.request("POST", At+"preauth"+suffix, w.skey, pairs("user", "ana")))
		response, _ := doc["response"].(map[string]any)
		factors, _ := response["factors"].(map[string]any)
		if status != 200 || doc["stat"] != "OK" || response["result"] != "auth" || factors["default"] != "push1" || response["prompt"] == "" {
			t.Errorf("%q: %d %v", suffix, status, doc)
		}
		if status, doc := w.get(w.request("GET", At+"ping"+suffix, "", nil)); status != 200 || doc["response"] != "pong" {
			t.Errorf("ping%s: %d %v", suffix, status, doc)
		}
		if status, doc := w.get(w.request("GET", At+"check"+suffix, w.skey, nil)); status != 200 || doc["response"] != "valid" {
			t.Errorf("check%s: %d %v", suffix, status, doc)
		}
		if status, doc := w.get(w.request("GET", At+"logo"+suffix, w.skey, nil)); status != 404 || doc["code"] != 40401.0 {
			t.Errorf("logo%s: %d %v", suffix, status, doc)
		}
		if status, doc := w.get(w.request("GET", At+"preauth"+suffix, w.skey, nil)); status != 405 || doc["code"] != 40501.0 {
			t.Errorf("GET preauth%s: %d %v", suffix, status, doc)
		}
	}
	w.door.Logo = []byte("a picture")
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, w.request("GET", At+"logo", w.skey, nil))
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "image/png" || rec.Body.String() != "a picture" {
		t.Errorf("logo: %d %v %q", rec.Code, rec.Header(), rec.Body)
	}
	if len(w.door.Routes()) != 18 {
		t.Errorf("%d routes", len(w.door.Routes()))
	}
}

func TestGatesThatDecideAtOnce(t *testing.T) {
	w := newWorld(t)
	for name, status := range map[string]user.Status{"eve": user.Disabled, "bob": user.Bypass} {
		w.User(name)
		w.Status(name, status)
	}
	u := w.User("finn")
	w.Write(func(st flow.Store) error {
		_, err := st.LockOut(ctx, u.ID, w.Clock.Now())
		return err
	})
	for name, want := range map[string]string{"eve": "deny", "finn": "deny", "bob": "allow", "new": "enroll", "": "deny", strings.Repeat("n", 5000): "deny", "a\x00b": "deny"} {
		out := w.preauth(name)
		if out.result != want || out.status == "" {
			t.Errorf("%.20q: %+v, want %s", name, out, want)
		}
		if want == "enroll" {
			if !strings.Contains(out.status, "https://mfa.example.edu/enroll/") {
				t.Errorf("no address in %q", out.status)
			}
			want = "deny" // for those who do not listen
		}
		if sync := w.auth(name, "push1", "0"); sync.result != want {
			t.Errorf("%.20q: auth says %+v", name, sync)
		}
		if sent := w.auth(name, "push1", "1"); sent.txid == "" || w.status(sent.txid).result != want {
			t.Errorf("%.20q: asynchronously %+v", name, sent)
		}
	}
}

func TestCodesTypedAtTheMenu(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	good := p.Code()
	if out := w.auth("ana", "000000", "0"); out.result != "deny" {
		t.Errorf("a wrong code: %+v", out)
	}
	if out := w.auth("ana", good, "0"); out.result != "allow" {
		t.Errorf("a right one: %+v", out)
	}
	for range 3 { // AC-003
		if out := w.auth("ana", good, "0"); out.result != "deny" {
			t.Errorf("a code was good for a second sign-in: %+v", out)
		}
	}
	if n := w.Count("ana", audit.InvalidPasscode); n != 4 {
		t.Errorf("%d of four refusals are in the log", n)
	}
	if _, doc := w.get(w.request("POST", At+"auth", w.skey, pairs("user", "ana", "factor", "passcode", "code", p.Code()))); doc["response"].(map[string]any)["result"] != "allow" {
		t.Errorf("factor=passcode: %v", doc)
	}
	if sent := w.auth("ana", w.BypassCode("ana"), "1"); w.status(sent.txid).result != "allow" {
		t.Error("a help-desk code, asynchronously")
	}
	for _, factor := range []string{"phone", "sms"} {
		if _, doc := w.get(w.request("POST", At+"auth", w.skey, pairs("user", "ana", "factor", factor, "phone", "phone1"))); doc["response"].(map[string]any)["result"] != "deny" {
			t.Errorf("%s: %v", factor, doc)
		}
	}
	if status, doc := w.get(w.request("POST", At+"auth", w.skey, pairs("user", "ana", "factor", "smoke"))); status != 400 {
		t.Errorf("an unknown factor: %d %v", status, doc)
	}
}

// A cut connection is known by its context: then the decision stays for all of the client's patience.
func TestACutConnectionKeepsTheDecision(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	params := pairs("user", "ana", "factor", "auto", "auto", p.Code(), "async", "0")
	gone, cut := context.WithCancel(ctx)
	cut()
	w.h.ServeHTTP(httptest.NewRecorder(), w.request("POST", At+"auth.bson", w.skey, params).WithContext(gone))
	w.Clock.Advance(8 * time.Second)
	if _, out := w.do(w.request("POST", At+"auth.bson", w.skey, params)); out.result != "allow" {
		t.Errorf("%+v", out)
	}
}

func TestWhereNumbersAreRequiredOnlyCodesAreOffered(t *testing.T) {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	w.app.Policy.NumberRequired = "on"
	w.Save(w.app)
	rec := httptest.NewRecorder()
	w.h.ServeHTTP(rec, w.request("POST", At+"preauth.json", w.skey, pairs("user", "ana")))
	if body := rec.Body.String(); !strings.Contains(body, `"result":"auth"`) || !strings.Contains(body, `"factors":{"default":"push1"}`) || strings.Contains(body, " 1. ") {
		t.Errorf("%s", body) // the default is for autopush, which would end in silence without it
	}
	if out := w.auth("ana", "push1", "0"); out.result != "deny" || out.status != "Requests cannot be used here. Use a code." {
		t.Errorf("%+v", out)
	}
}

// Autopush where policy allows codes only.
func TestWhereOnlyCodesAreAllowedWhoAsksNobodyIsToldToTypeOne(t *testing.T) {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	w.app.Policy.Methods = []string{policy.MethodPasscode}
	w.Save(w.app)
	const told = "Requests cannot be used here. Use a code."
	for _, line := range []string{"push1", "push", "push2"} {
		if out := w.auth("ana", line, "0"); out.result != "deny" || out.status != told {
			t.Errorf("%s: %+v", line, out)
		}
	}
	later := w.auth("ana", "push1", "1")
	if out := w.status(later.txid); out.result != "deny" || out.status != told {
		t.Errorf("to be told later: %+v", out)
	}
	if out := w.auth("ana", "phone1", "0"); out.status != "That way to sign in cannot be used. Choose another." {
		t.Errorf("a call: %+v", out)
	}
}

func TestWhoGets401AndWho403(t *testing.T) {
	w := newWorld(t)
	ask := func(id, skey, version string) int {
		r := w.request("POST", At+"preauth.bson", skey, pairs("user", "ana"))
		c, err := duosign.Parse(r.Header.Get("Authorization"))
		w.OK(err)
		if version == "stale" {
			date := w.Clock.Now().Add(-time.Hour).Format(time.RFC1123Z)
			r.Header.Set("X-Duo-Date", date)
			c.Signature = duosign.Sign(duosign.Request{Method: "POST", Host: "api.example.edu", Path: r.URL.Path, Date: date, Form: pairs("user", "ana")}, duosign.V2, duosign.SHA512, skey)
		}
		c.Key = id
		r.Header.Set("Authorization", c.Header())
		status, _ := w.do(r)
		return status
	}
	web := w.application("Web", func(a *application.Application) { a.Type = application.TypeWebSDK })
	off := w.application("Off", func(a *application.Application) { a.Disabled = true })
	gone := w.application("Gone", func(a *application.Application) { a.Deleted = w.Clock.Now() })
	for what, c := range map[string]struct {
		id, skey, version string
		want              int
	}{
		"right":       {w.app.ID, w.skey, "", 200},
		"stale":       {w.app.ID, w.skey, "stale", 403},
		"wrong key":   {w.app.ID, strings.Repeat("x", 40), "", 401},
		"unknown":     {"DIAAAAAAAAAAAAAAAAAA", w.skey, "", 401},
		"other type":  {web.ID, w.skey, "", 403},
		"turned off":  {off.ID, w.skey, "", 403},
		"off, forged": {off.ID, strings.Repeat("x", 40), "", 401},
		"deleted":     {gone.ID, w.skey, "", 403},
	} {
		if got := ask(c.id, c.skey, c.version); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}

// broken is a sign-in flow that cannot decide.
type broken struct {
	attempt.SignIn
	preauth func(ctx context.Context) (signin.Gate, error)
}

func (b broken) Preauth(ctx context.Context, _ signin.Request) (signin.Gate, error) {
	return b.preauth(ctx)
}

func TestWhatCannotBeDecidedIsTurnedAwayInTime(t *testing.T) {
	forever := make(chan struct{})
	t.Cleanup(func() { close(forever) })
	for what, f := range map[string]func(context.Context) (signin.Gate, error){
		"a lost database":  func(context.Context) (signin.Gate, error) { return signin.Gate{}, errors.New("database is gone") },
		"a bug":            func(context.Context) (signin.Gate, error) { panic("bug") },
		"what never comes": func(context.Context) (signin.Gate, error) { <-forever; return signin.Gate{}, nil },
	} {
		w := newWorld(t) // one each: a call that never comes back still reads its door
		w.door.SignIn, w.door.Deadline = broken{preauth: f}, 0
		calls := []string{"preauth"}
		if what != "what never comes" { // auth has no limit of the client's; the flow's own context ends it
			calls = append(calls, "auth")
		}
		for _, call := range calls {
			start := time.Now()
			status, out := w.do(w.request("POST", At+call+".bson", w.skey, pairs("user", "ana", "factor", "auto", "auto", "1", "async", "0")))
			if status != 429 || out.code != 42901 {
				t.Errorf("%s at %s: %d %+v", what, call, status, out)
			}
			if took := time.Since(start); took > attempt.QuickTime+20*time.Second || attempt.QuickTime > 2*time.Second { // clients have no more patience
				t.Errorf("%s at %s took %s", what, call, took)
			}
		}
	}
}

func TestTooManyAtOnceAreTurnedAway(t *testing.T) {
	w := newWorld(t)
	for range maxBusy {
		w.door.Places <- struct{}{}
	}
	if status, _ := w.do(w.request("POST", At+"preauth.bson", w.skey, pairs("user", "ana"))); status != 429 {
		t.Errorf("%d", status)
	}
	if status, doc := w.get(w.request("GET", At+"ping", "", nil)); status != 200 {
		t.Errorf("ping: %d %v", status, doc)
	}
}

// TestAPreauthThatIsOpenWhenTheProgramStopsIsFinished: one that broke off would open the host.
func TestAPreauthThatIsOpenWhenTheProgramStopsIsFinished(t *testing.T) {
	w := newWorld(t)
	reached, decide := make(chan struct{}), make(chan struct{})
	w.door.SignIn = broken{preauth: func(ctx context.Context) (signin.Gate, error) {
		close(reached)
		<-decide
		return signin.Gate{Outcome: signin.OutcomeDeny}, ctx.Err()
	}}
	stopping, stop := context.WithCancel(ctx)
	rec := httptest.NewRecorder()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.h.ServeHTTP(rec, w.request("POST", At+"preauth.bson", w.skey, pairs("user", "ana")).WithContext(stopping))
	}()
	<-reached
	stop()
	close(decide)
	<-done
	if out, err := understand(rec.Body.Bytes(), "preauth"); err != nil || out.result != "deny" {
		t.Errorf("%d %+v %v", rec.Code, out, err)
	}
}

// pending is a flow whose requests nobody answers, with a clock of its own: TimeOut refuses before the time.
type pending struct {
	attempt.SignIn
	t     transaction.Transaction
	ended int
}

func (p *pending) Watch(ctx context.Context, _, _ string) (transaction.Transaction, error) {
	if p.t.State == transaction.Pending {
		<-ctx.Done()
	}
	return p.t, nil
}
func (p *pending) TimeOut(context.Context, string) (transaction.Transaction, error) { return p.t, nil }
func (p *pending) Cancel(context.Context, string) (transaction.Transaction, error) {
	p.ended++
	p.t.State = transaction.Cancelled
	return p.t, nil
}

func TestEveryPollEndsBeforeTheClientsTwentieth(t *testing.T) {
	w := newWorld(t)
	p := &pending{t: transaction.Transaction{ID: "tx", ApplicationID: w.app.ID, State: transaction.Pending, Expires: w.Clock.Now().Add(time.Minute)}}
	w.door.SignIn, w.door.Hold = p, time.Millisecond
	polls := 1
	for w.status("tx").result == "" {
		polls++
	}
	if polls > maxPolls || p.ended != 1 || w.status("tx").result != "deny" {
		t.Errorf("%d polls, ended %d times", polls, p.ended)
	}
}

func TestTheLastPollEndsTheRequestAlsoWhenItIsCut(t *testing.T) {
	w := newWorld(t)
	p := &pending{t: transaction.Transaction{ID: "tx", ApplicationID: w.app.ID, State: transaction.Pending, Expires: w.Clock.Now().Add(time.Minute)}}
	w.door.SignIn, w.door.Hold = p, time.Hour
	cut, cancel := context.WithCancel(t.Context())
	cancel()
	for range maxPolls {
		if p.ended != 0 {
			t.Fatal("ended before its last poll")
		}
		_, _ = w.door.Poll(cut, message.English(), w.app.ID, "tx")
	}
	if p.ended != 1 || w.status("tx").result != "deny" {
		t.Errorf("ended %d times", p.ended)
	}
}

// Each poll's line is printed. The client of BSON takes a poll without one; those of JSON end the attempt.
func TestAPersonReadsOnceThatARequestWaits(t *testing.T) {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	first, second := w.auth("ana", "push", "1"), w.auth("ana", "push", "1")
	said := w.status(first.txid).status
	if said == "" {
		t.Error("the first poll says nothing")
	}
	for range 2 {
		if out := w.status(first.txid); out.result != "" || out.status != "" {
			t.Errorf("a later poll: %+v", out)
		}
	}
	for _, path := range []string{"status", "status.json"} {
		for range 2 {
			if _, doc := w.get(w.request("GET", At+path, w.skey, pairs("txid", second.txid))); doc["response"].(map[string]any)["status"] != said {
				t.Errorf("%s: %v", path, doc)
			}
		}
	}
	w.Clock.Advance(transaction.Life + time.Second)
	if out := w.status(first.txid); out.result != "deny" || out.status == "" {
		t.Errorf("the last poll: %+v", out)
	}
}

func TestTheTimeOfARequestEndsItsPolls(t *testing.T) {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	sent := w.auth("ana", "push", "1")
	w.Clock.Advance(transaction.Life + time.Second)
	if out := w.status(sent.txid); out.result != "deny" || !strings.Contains(out.status, "timed out") {
		t.Errorf("%+v", out)
	}
}

// stopping is a flow during whose waiting the program stops.
type stopping struct {
	attempt.SignIn
	stop func()
}

func (s stopping) Watch(ctx context.Context, txID, applicationID string) (transaction.Transaction, error) {
	s.stop()
	return s.SignIn.Watch(ctx, txID, applicationID)
}

// FAIL-1: "no", and for the reason there is; the person's time was not over.
func TestABlockingCallAtAStopIsDeniedWithTheReason(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	for _, spelling := range []string{".bson", ""} {
		running, stop := context.WithCancelCause(ctx)
		w.door.SignIn = stopping{w.SignIn, func() { stop(http.ErrServerClosed) }}
		w.h = w.door.Handler()
		r := w.request("POST", At+"auth"+spelling, w.skey, pairs("user", "ana", "factor", "push", "phone", "phone1")).WithContext(running)
		rec := httptest.NewRecorder()
		w.h.ServeHTTP(rec, r)
		if body := rec.Body.String(); rec.Code != 200 || !strings.Contains(body, "deny") || !strings.Contains(body, "The second step does not work right now. Try again in some minutes.") {
			t.Errorf("%q: %d %q", spelling, rec.Code, body)
		}
		w.Clock.Advance(10 * time.Second)
	}
	if open, err := w.DB.Read().OpenTransactionsOn(ctx, p.ID, w.Clock.Now()); err != nil || len(open) != 2 {
		t.Errorf("%d requests are open, %v", len(open), err)
	}
}

func TestABlockingCallAnswersWithTheDecision(t *testing.T) {
	w := newWorld(t)
	p := w.Enrolled(w.app, "ana")
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Host = apiHost
		w.h.ServeHTTP(rw, r)
	}))
	defer server.Close()
	params := pairs("user", "ana", "factor", "push", "phone", "phone1")
	r := w.request("POST", At+"auth.bson", w.skey, params)
	real, err := http.NewRequest("POST", server.URL+At+"auth.bson", strings.NewReader(params.Encode()))
	w.OK(err)
	real.Header = r.Header
	go func() {
		for answered := false; !answered; time.Sleep(5 * time.Millisecond) {
			open, _ := w.DB.Read().OpenTransactionsOn(ctx, p.ID, w.Clock.Now())
			for _, tx := range open {
				answered = p.Approve(tx) == nil
			}
		}
	}()
	res, err := http.DefaultClient.Do(real)
	w.OK(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	w.OK(err)
	if out, err := understand(body, "auth"); err != nil || out.result != "allow" || res.ContentLength != int64(len(body)) {
		t.Errorf("%+v %v, length %d of %d", out, err, res.ContentLength, len(body))
	}
}
