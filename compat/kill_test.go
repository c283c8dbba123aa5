package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
	"countersign/internal/testkit/pgtest"
)

const (
	longest  = 250 * time.Millisecond // of load before a kill
	holdBack = 60 * time.Millisecond  // the second ticket and page come that much later
)

// TestKilledAtAnyMomentNothingAcknowledgedIsLostAndNothingIsGoodTwice kills the program under a mixed load, starts it
// again on the same data and compares what clients were told (AC-031, AC-032).
func TestKilledAtAnyMomentNothingAcknowledgedIsLostAndNothingIsGoodTwice(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		data := t.TempDir()
		k := &crashes{t: t, data: data, driver: "sqlite", dsn: filepath.Join(data, "countersign.db")}
		k.live(20)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		address := pgtest.New(t)
		k := &crashes{t: t, data: t.TempDir(), driver: "pgx", dsn: address, env: []string{"COUNTERSIGN_DATABASE_URL=" + address}}
		k.live(8)
	})
}

// live starts and kills.
func (k *crashes) live(kills int) {
	seed := uint64(time.Now().UnixNano())
	k.t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	k.doors = &doors{}
	k.start()
	k.vpn = k.caller("VPN")
	k.carl, k.pia, k.tia, k.paul = k.newcomer("carl"), k.newcomer("pia"), k.newcomer("tia"), k.newcomer("paul")
	for n := range 3 * kills {
		if n >= kills && k.busy() {
			break
		}
		l := k.prepare()
		over := make(chan struct{})
		var all sync.WaitGroup
		for _, f := range []func(<-chan struct{}){l.pairs, l.codes, l.pushes, l.tickets, l.pages, l.health} {
			all.Go(func() { f(over) })
		}
		time.Sleep(time.Duration(dice.Int64N(int64(longest) * int64(1+n/kills))))
		k.d.kill()
		close(over)
		all.Wait()
		k.start()
		l.compare()
	}
	k.d.stop()
	k.whole()
	slices.Sort(k.starts)
	if half, last := k.starts[len(k.starts)/2], k.starts[len(k.starts)-1]; half > 5*time.Second || last > 30*time.Second {
		k.t.Errorf("half of the starts took %s and longer, one %s (AC-031)", half, last) // one may be the machine's
	}
}

// busy reports that something of each kind was acknowledged: a slow machine needs more lives for that.
func (k *crashes) busy() bool {
	return len(k.named) > 0 && k.good > 0 && k.yes > 0 && k.phones > 0 && k.checks > 0
}

// crashes are the lives of one program.
type crashes struct {
	*doors
	t    *testing.T
	d    *demo
	data string
	env  []string

	driver, dsn string // of the data

	carl, pia, tia, paul *phone.Device
	people               int
	good, unsure         int      // carl's codes
	named                []string // everybody who was enrolled
	yes, phones, checks  int
	starts               []time.Duration
}

// start starts the program where it was: phones and applications know its two ports. Should somebody have taken one
// meanwhile, it is tried again.
func (k *crashes) start() {
	k.t.Helper()
	file := filepath.Join(k.data, "countersign.toml")
	places, err := os.ReadFile(file)
	for try := 0; ; try++ {
		began := time.Now()
		k.d = startDemoIn(k.t, k.data, k.env...)
		k.starts = append(k.starts, time.Since(began))
		if k.demo == nil || k.demo.URL == k.d.URL && k.demo.Applications[0].APIHost == k.d.Applications[0].APIHost {
			break
		}
		if k.d.stop(); try == 5 || err != nil {
			k.t.Fatalf("%s became %s; %v", k.demo.URL, k.d.URL, err)
		}
		if err := os.WriteFile(file, places, 0o600); err != nil {
			k.t.Fatal(err)
		}
	}
	k.demo, k.witness = k.d, &witness{tb: k.t}
	k.d.wrap = k.witness.wrap
	k.web = goClient(k.d)
	if k.vpn != nil {
		k.vpn.demo = k.d
	}
}

// life is what happens between a start and a kill, and what was acknowledged.
type life struct {
	*crashes
	paired      []*phone.Device
	link, owner string // a pairing under way

	codesGood  []string
	codeUnsure string

	approved   []string
	pushUnsure string

	ticket      [2]string
	ticketState [2]state
	page        [2]*browser
	pageCode    [2]string
	pageState   [2]state

	assertions [][]byte // bodies of health checks that were good
}

// state of a thing that was sent once.
type state int

const (
	unsent state = iota
	unanswered
	acknowledged
)

func (k *crashes) prepare() *life {
	k.t.Helper()
	l := &life{crashes: k}
	for i := range l.ticket {
		l.ticket[i] = k.browser(callbackHome).signIn(k.address("tia"), code(k.t, k.tia)).Get("duo_code")
	}
	for i := range l.page {
		b := k.browser(callbackHome)
		b.open(k.address("paul"))
		b.open(b.at.Scheme + "://" + b.at.Host + b.at.Path + "/code")
		l.page[i], l.pageCode[i] = b, code(k.t, k.paul)
	}
	return l
}

func done(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

func (l *life) pairs(over <-chan struct{}) {
	for !done(over) {
		l.people++
		name := fmt.Sprintf("new%d", l.people)
		s := l.insist(l.vpn, "POST", "/auth/v2/enroll", "username", name)
		_, rest, ok := strings.Cut(string(s.body), `"activation_url":"`)
		if !ok {
			return
		}
		l.named = append(l.named, name)
		l.owner, l.link = name, rest[:strings.IndexByte(rest, '"')]
		d, err := l.pair(l.link)
		if err != nil {
			return
		}
		l.paired, l.link = append(l.paired, d), ""
	}
}

func (l *life) codes(over <-chan struct{}) {
	for !done(over) {
		l.codeUnsure = code(l.t, l.carl)
		s := l.passcode(l.codeUnsure)
		if s.status == 0 {
			return
		}
		if !s.allowed() {
			l.t.Errorf("a fresh code: %d %s", s.status, s.body)
		}
		l.codesGood, l.codeUnsure = append(l.codesGood, l.codeUnsure), ""
	}
}

func (k *crashes) passcode(c string) seen {
	return k.insist(k.vpn, "POST", "/auth/v2/auth", "username", "carl", "factor", "passcode", "passcode", c)
}

func (l *life) pushes(over <-chan struct{}) {
	for !done(over) {
		s := l.insist(l.vpn, "POST", "/auth/v2/auth", "username", "pia", "factor", "push", "device", "auto", "async", "1")
		if s.status == 0 {
			return
		}
		l.pushUnsure = l.txid(s)
		out, err := l.pia.Approve(l.t.Context(), l.pushUnsure, "")
		var refused *phone.Refusal
		switch {
		case errors.As(err, &refused), errors.Is(err, phone.ErrNotOpen), err == nil && out.State != phonewire.StateApproved:
			l.t.Errorf("an approval: %+v, %v", out, err)
			return
		case err != nil:
			return
		}
		l.approved, l.pushUnsure = append(l.approved, l.pushUnsure), ""
	}
}

func (l *life) tickets(<-chan struct{}) {
	for i, ticket := range l.ticket {
		l.ticketState[i] = unanswered
		if _, err := l.web.ExchangeAuthorizationCodeFor2faResult(ticket, "tia"); err != nil {
			return
		}
		l.ticketState[i] = acknowledged
		time.Sleep(holdBack)
	}
}

func (l *life) pages(<-chan struct{}) {
	for i, b := range l.page {
		l.pageState[i] = unanswered
		if err := b.try(b.form("/code", url.Values{"code": {l.pageCode[i]}})); err != nil {
			return
		}
		l.pageState[i] = acknowledged
		time.Sleep(holdBack)
	}
}

// health keeps the assertions that were spent.
func (l *life) health(over <-chan struct{}) {
	var sent []byte
	client := l.d.http(nil, nil)
	next := client.Transport
	client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		sent, _ = io.ReadAll(r.Body) // a reader over a string
		r.Body = io.NopCloser(bytes.NewReader(sent))
		return next.RoundTrip(r)
	})
	asks := goClientWith(l.d, client)
	for !done(over) {
		if _, err := asks.HealthCheck(); err != nil {
			return
		}
		l.assertions = append(l.assertions, sent)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// compare holds what clients were told against what the program says after its restart.
func (l *life) compare() {
	l.t.Helper()
	l.yes, l.phones, l.checks = l.yes+len(l.approved), l.phones+len(l.paired), l.checks+len(l.assertions)
	l.comparePhones()
	l.compareCodes()
	for _, id := range l.approved {
		if s := l.insist(l.vpn, "GET", "/auth/v2/auth_status", "txid", id); !s.allowed() {
			l.t.Errorf("an approval was lost: %s", s.body)
		}
	}
	if l.pushUnsure != "" {
		s := l.insist(l.vpn, "GET", "/auth/v2/auth_status", "txid", l.pushUnsure)
		if bytes.Contains(s.body, []byte("waiting")) {
			s = l.doors.approved(l.pia, l.vpn, "/auth/v2/auth_status", l.pushUnsure)
		}
		if !s.allowed() {
			l.t.Errorf("a request that was open is %s", s.body)
		}
	}
	l.answerWaiting()
	for i, ticket := range l.ticket {
		_, err := l.web.ExchangeAuthorizationCodeFor2faResult(ticket, "tia")
		if l.ticketState[i] == acknowledged && err == nil {
			l.t.Error("a ticket was good twice")
		}
		if l.ticketState[i] == unsent && err != nil {
			l.t.Errorf("a ticket was lost: %v", err)
		}
		if _, err := l.web.ExchangeAuthorizationCodeFor2faResult(ticket, "tia"); err == nil {
			l.t.Error("a ticket was good twice")
		}
	}
	l.comparePages()
	for _, body := range l.assertions[max(0, len(l.assertions)-2):] {
		status := http.StatusTooManyRequests // when the machine has no time
		for try := 0; status == http.StatusTooManyRequests && try < 20; try++ {
			answer, err := l.d.http(nil, nil).Post("https://"+l.vpn.APIHost+"/oauth/v1/health_check", "application/x-www-form-urlencoded", bytes.NewReader(body))
			if err != nil {
				l.t.Fatal(err)
			}
			answer.Body.Close()
			status = answer.StatusCode
		}
		if status != http.StatusBadRequest {
			l.t.Errorf("an assertion that was used is answered %d", status)
		}
	}
}

// answerWaiting answers the requests whose senders heard nothing of them any more: two at most may be open (RULE-13).
func (l *life) answerWaiting() {
	l.t.Helper()
	open, err := l.pia.Requests(l.t.Context())
	if err != nil {
		l.t.Errorf("the open requests: %v", err)
	}
	for _, r := range open {
		if out, err := l.pia.Approve(l.t.Context(), r.Transaction, ""); err != nil || out.State != phonewire.StateApproved {
			l.t.Errorf("a request that nobody heard of: %+v, %v", out, err)
		}
	}
}

// comparePhones: a phone is there with all it needs, or its code is still good.
func (l *life) comparePhones() {
	l.t.Helper()
	for _, d := range l.paired {
		if _, err := d.Requests(l.t.Context()); err != nil {
			l.t.Errorf("a phone that was paired: %v", err)
		}
	}
	if l.link == "" {
		return
	}
	_, err := l.pair(l.link)
	var refused *phone.Refusal
	if err != nil && (!errors.As(err, &refused) || refused.Code != "activation.used") {
		l.t.Errorf("a pairing that was cut: %v", err)
	}
	var r struct {
		Response struct {
			Result  string
			Devices []struct{ Capabilities []string }
		}
	}
	s := l.insist(l.vpn, "POST", "/auth/v2/preauth", "username", l.owner)
	if err := json.Unmarshal(s.body, &r); err != nil || r.Response.Result != "auth" || len(r.Response.Devices) != 1 || len(r.Response.Devices[0].Capabilities) != 3 {
		l.t.Errorf("after a pairing that was cut: %s", s.body)
	}
}

// compareCodes: a good one ends each time, so that nobody is locked out by our tries.
func (l *life) compareCodes() {
	l.t.Helper()
	l.good += len(l.codesGood)
	if n := len(l.codesGood); n > 0 {
		if s := l.passcode(l.codesGood[n-1]); s.status != 200 || s.allowed() {
			l.t.Errorf("a code that was used: %d %s", s.status, s.body)
		}
	}
	if l.codeUnsure != "" {
		l.unsure++
		l.passcode(l.codeUnsure)
		if s := l.passcode(l.codeUnsure); s.status != 200 || s.allowed() {
			l.t.Errorf("a code was good twice: %d %s", s.status, s.body)
		}
	}
	if s := l.passcode(code(l.t, l.carl)); !s.allowed() {
		l.t.Errorf("a fresh code: %d %s", s.status, s.body)
	}
	l.good++
}

// comparePages: a sign-in that was decided goes on, another one takes its code now.
func (l *life) comparePages() {
	l.t.Helper()
	for i, b := range l.page {
		if b.back == nil {
			b.open(b.at.Scheme + "://" + b.at.Host + strings.TrimSuffix(b.at.Path, "/code"))
		}
		ticket := b.goOn()
		if ticket == "" {
			if l.pageState[i] == acknowledged {
				l.t.Errorf("a proof was lost: %s", b.text())
			}
			b.open(b.at.Scheme + "://" + b.at.Host + strings.TrimSuffix(b.at.Path, "/code") + "/code")
			if !b.submit("/code", url.Values{"code": {l.pageCode[i]}}) {
				l.t.Errorf("no code page: %s", b.text())
			}
			ticket = b.goOn()
		}
		if _, err := l.web.ExchangeAuthorizationCodeFor2faResult(ticket, "paul"); err != nil {
			l.t.Errorf("a sign-in that was under way: %v; the page says %s", err, b.text())
		}
	}
}

// whole looks for halves in the data itself.
func (k *crashes) whole() {
	k.t.Helper()
	if k.driver == "sqlite" {
		if answer := ask[string](k.t, k.driver, k.dsn, "PRAGMA integrity_check"); answer != "ok" {
			k.t.Errorf("integrity_check: %s", answer)
		}
	}
	for what, query := range map[string]string{
		"phones without a key": `SELECT COUNT(*) FROM phones p WHERE otp_seed IS NULL OR key_spki IS NULL OR NOT EXISTS
			(SELECT 1 FROM phone_keys k WHERE k.key_id = p.key_id AND k.phone_id = p.phone_id AND k.state = 'active')`,
		"keys without a phone": `SELECT COUNT(*) FROM phone_keys k WHERE state = 'active' AND NOT EXISTS (SELECT 1 FROM phones p WHERE p.key_id = k.key_id)`,
		"used pairing codes without a phone": `SELECT COUNT(*) FROM activations a WHERE claimed_at > 0 AND NOT EXISTS
			(SELECT 1 FROM phones p WHERE p.phone_id = a.phone_id)`,
		"approvals without a row": `SELECT COUNT(*) FROM transactions t WHERE state = 'approved' AND login_id = '' AND NOT EXISTS
			(SELECT 1 FROM authentication_log l WHERE l.tx_id = t.transaction_id AND l.result = 'success')`,
		"sign-ins without a row": `SELECT COUNT(*) FROM logins g WHERE (decided_at > 0 OR ticket_digest IS NOT NULL) AND NOT EXISTS
			(SELECT 1 FROM authentication_log l WHERE l.tx_id = g.tx_id AND l.result = 'success')`,
		"people with two phones": `SELECT COUNT(*) FROM (SELECT user_id FROM phones WHERE user_id IN
			(SELECT user_id FROM users WHERE username LIKE 'new%') GROUP BY user_id HAVING COUNT(*) > 1) AS twice`,
	} {
		if n := ask[int](k.t, k.driver, k.dsn, query); n != 0 {
			k.t.Errorf("%d %s", n, what)
		}
	}
	if n := logged(k.t, k.driver, k.dsn, "carl"); n < k.good || n > k.good+k.unsure {
		k.t.Errorf("%d rows for %d codes that were good and %d that may have been", n, k.good, k.unsure)
	}
	for _, name := range k.named {
		if ask[int](k.t, k.driver, k.dsn, "SELECT COUNT(*) FROM users WHERE username = $1", name) != 1 {
			k.t.Errorf("%s, who was registered, is missing", name)
		}
	}
	k.t.Logf("%d people registered, %d codes, %d codes cut, %d approvals, %d phones, %d health checks", len(k.named), k.good, k.unsure, k.yes, k.phones, k.checks)
	if !k.busy() {
		k.t.Error("the load did nothing of one kind")
	}
}
