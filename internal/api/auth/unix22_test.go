package auth

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/api/attempt"
	"countersign/internal/api/outage"
	"countersign/internal/base/phonewire"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/transaction"
	"countersign/internal/domain/user"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit/flowkit"
	"countersign/internal/testkit/mutate"
)

// duoUnix speaks as login_duo and pam_duo 2.2.3 do, from the ping to the last poll, and reads as strictly
// (lib/duo.c, lib/https.c). What it makes of our answers was compared with the built programs (decision 0021).
type duoUnix struct {
	*world
	verified, sync, auto bool          // verified_push; no terminal, or sshd; default factor without a menu
	env                  string        // $DUO_PASSCODE
	command              string        // percent-encoded; "" = a short one
	skew                 time.Duration // of the machine's clock
	types                func(menu string) string
	answers              func(transaction string) // the phone, once a request is on its way

	offset  time.Duration // learned from ping
	printed []string
	asked   string // the prompt parameter sent
}

// Outcomes of one round.
const (
	in      = "in"
	skipped = "in without a second step"
	again   = "denied, asked again"
	aborted = "aborted"
	byMode  = "as the fail mode says"
	failed  = "error, denied"
)

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte("-._~", c) >= 0 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// call is duo_call: 429 is asked again, unless the wait is longer than 32 seconds.
func (c *duoUnix) call(method, path string, pairs ...string) received {
	c.Helper()
	backoff := 1
	for range 50 {
		r := c.once(method, path, pairs...)
		wait, err := strconv.Atoi(r.header.Get("Retry-After"))
		if err != nil {
			wait, backoff = backoff, 2*backoff
		}
		if r.status != http.StatusTooManyRequests || wait > 32 {
			return r
		}
		c.says("Rate-limiting response received from server.")
		c.Clock.Advance(time.Duration(wait) * time.Second)
	}
	c.Fatal("the client waits for ever")
	return received{}
}

// once sends X-Duo-Date alone, GET with a "?" even before nothing, and sorted parameters.
func (c *duoUnix) once(method, path string, pairs ...string) received {
	c.Helper()
	var params []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			params = append(params, escape(pairs[i])+"="+escape(pairs[i+1]))
		}
	}
	slices.Sort(params)
	form := strings.Join(params, "&")
	date := c.Clock.Now().Add(c.skew + c.offset).UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000")
	mac := hmac.New(sha512.New, []byte(c.skey))
	fmt.Fprintf(mac, "%s\n%s\n%s\n%s\n%s", date, method, apiHost, path, form)
	target, body := "https://"+apiHost+path, ""
	if method == http.MethodGet {
		target += "?" + form
	} else {
		body = form
	}
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header = http.Header{"User-Agent": {"login_duo/2.2.3 (x86_64-pc-linux-gnu) libduo/2.2.3"}, "X-Duo-Date": {date},
		"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(c.app.ID+":"+hex.EncodeToString(mac.Sum(nil))))}}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return c.do(r)
}

// understand gives the response, or the outcome that the client makes of anything else.
func understand(r received) (map[string]any, string) {
	switch {
	case r.status == http.StatusUnauthorized, r.status/100 == 5:
		return nil, byMode
	case r.status/100 != 2:
		return nil, aborted
	}
	envelope, err := mutate.Object([]byte(r.raw))
	if err != nil {
		return nil, byMode
	}
	if envelope["stat"] == "FAIL" {
		return nil, again
	}
	response, ok := envelope["response"].(map[string]any)
	if !ok || envelope["stat"] != "OK" {
		return nil, byMode
	}
	return response, ""
}

func later(outcome string) string { // the fail mode counts until preauth
	if outcome == byMode {
		return failed
	}
	return outcome
}

func (c *duoUnix) says(text string) { c.printed = append(c.printed, text) }

// login is duo_login.
func (c *duoUnix) login(name string) string {
	c.Helper()
	c.printed, c.asked = nil, ""
	response, outcome := understand(c.call("GET", "/auth/v2/ping"))
	if outcome != "" {
		return outcome
	}
	now, _ := response["time"].(int64)
	if now == 0 {
		return byMode
	}
	c.offset = time.Unix(now, 0).Sub(c.Clock.Now().Add(c.skew))
	numbers := ""
	if c.verified {
		numbers = "1"
	}
	response, outcome = understand(c.call("POST", "/auth/v2/preauth", "text_prompt", "1", "username", name, "ipaddr", "192.0.2.7", "hostname", "web1", "failmode", "open",
		"client_supports_verified_push", numbers))
	if outcome != "" {
		return outcome
	}
	result, ok := response["result"].(string)
	if !ok {
		return byMode
	}
	if result != "auth" {
		return c.gate(result, response)
	}
	line, outcome := c.prompt(response)
	if outcome != "" {
		return outcome
	}
	c.asked = line
	txid := ""
	if c.verified {
		txid, _ = response["txid"].(string)
	}
	async := "1"
	if c.sync {
		async = "0"
	}
	if c.sync && c.answers != nil {
		c.door.SignIn = answering{c.SignIn, c.answers}
	}
	response, outcome = understand(c.call("POST", "/auth/v2/auth", "username", name, "factor", "prompt", "prompt", line, "async", async, "ipaddr", "192.0.2.7", "hostname", "web1",
		"pushinfo", "Server+IP=192.0.2.1&Command="+cmp.Or(c.command, "id%20-u"), "txid", txid))
	if outcome != "" {
		return later(outcome)
	}
	if c.sync {
		return c.decided(response, "allow", "deny")
	}
	return c.poll(response)
}

func (c *duoUnix) gate(result string, response map[string]any) string {
	text, ok := response["status_msg"].(string)
	if !ok {
		return byMode
	}
	switch result {
	case "allow":
		return skipped
	case "enroll":
		if p, _ := response["prompt"].(map[string]any); p != nil {
			if s, ok := p["text"].(string); ok {
				text = s
			}
		}
	case "deny":
	default:
		return byMode
	}
	c.says(text)
	return aborted
}

// prompt gives the line to send.
func (c *duoUnix) prompt(response map[string]any) (line, outcome string) {
	if c.env != "" {
		line, c.env = c.env, ""
		return line, ""
	}
	menu, ok := response["prompt"].(map[string]any)
	if !ok {
		return "", failed
	}
	text, isText := menu["text"].(string)
	if !c.auto {
		if !isText {
			return "", failed
		}
		c.says(text)
		line = c.types(text)
	}
	factors, ok := menu["factors"].(map[string]any)
	if !ok {
		return "", failed // also after a code was typed
	}
	if c.auto {
		line = "default"
	}
	if stands, ok := factors[line].(string); ok {
		return stands, ""
	}
	if c.auto {
		return "", failed
	}
	if line == "" {
		line = "\n" // what is left of an empty line
	}
	return line, ""
}

func (c *duoUnix) poll(response map[string]any) string {
	c.Helper()
	txid, ok := response["txid"].(string)
	if !ok || len(txid) > maxOption {
		return failed
	}
	for i := range 20 {
		response, outcome := understand(c.call("GET", "/auth/v2/auth_status", "txid", txid))
		if outcome != "" {
			return later(outcome)
		}
		outcome = c.decided(response, "allow", "deny", "waiting")
		if outcome != "waiting" {
			return outcome
		}
		if i == 0 && c.answers != nil {
			c.answers(txid)
		} else {
			c.Clock.Advance(25 * time.Second)
		}
	}
	return again
}

func (c *duoUnix) decided(response map[string]any, results ...string) string {
	text, ok := response["status_msg"].(string)
	result, isText := response["result"].(string)
	if !ok || !isText || !slices.Contains(results, result) {
		return failed
	}
	c.says(text)
	switch result {
	case "allow":
		return in
	case "deny":
		return again
	}
	return result
}

// answering answers each request as soon as it is sent.
type answering struct {
	attempt.SignIn
	then func(transaction string)
}

func (a answering) Send(ctx context.Context, at signin.Attempt, wayID string) (transaction.Transaction, error) {
	t, err := a.SignIn.Send(ctx, at, wayID)
	if err == nil {
		a.then(t.ID)
	}
	return t, err
}

func newDuoUnix(t *testing.T, change ...func(*application.Application)) (*duoUnix, *flowkit.Phone) {
	w := newWorld(t, append([]func(*application.Application){func(a *application.Application) { a.Type = application.TypeUnix }}, change...)...)
	w.door.Hold = time.Millisecond
	p := w.person("alice")
	return &duoUnix{world: w}, p
}

func (c *duoUnix) typing(lines ...string) {
	c.types = func(string) string {
		line := lines[0]
		lines = lines[1:]
		return line
	}
}

func (c *duoUnix) wants(what, got, want, text string) {
	c.Helper()
	if got != want || text != "" && !strings.Contains(strings.Join(c.printed, "\n"), text) {
		c.Errorf("%s: %s, want %s; it printed %q, want %q", what, got, want, c.printed, text)
	}
	for _, said := range c.printed {
		if at := strings.IndexFunc(said, obeyed); at >= 0 {
			c.Errorf("%s: it printed %q", what, said[at:])
		}
	}
}

func TestDuoUnix22AnswersAtTheMenu(t *testing.T) {
	c, p := newDuoUnix(t)
	c.answers = func(string) { c.OK(p.Approve(c.pending(p))) }
	for _, line := range []string{"1", "push", "push1"} {
		c.typing(line)
		c.wants(line, c.login("alice"), in, "Success")
		c.Clock.Advance(time.Minute)
	}
	c.typing("000000")
	c.wants("a wrong code", c.login("alice"), again, "That code is wrong")
	c.typing(p.Code())
	c.wants("a right one", c.login("alice"), in, "Success")
	for _, line := range []string{"7", "push9", "phone1", "sms", "", " "} {
		c.typing(line)
		c.wants("an option that is not there: "+strconv.Quote(line), c.login("alice"), again, "That way to sign in cannot be used. Choose another.")
	}
	c.typing("\xff")
	c.wants("what is no text", c.login("alice"), aborted, "")
	c.typing(strings.Repeat("a", maxOption))
	c.wants("a long line", c.login("alice"), again, "That code is wrong")
}

// pushinfo=yes sends the whole command along; the phone shows both its ends.
func TestDuoUnix22RunsALongCommand(t *testing.T) {
	c, p := newDuoUnix(t)
	c.command = "echo%20" + strings.Repeat("x", 30_000) + "%20%3E%20last"
	c.typing("1")
	c.answers = func(string) {
		told := p.Requests()[0].Info
		if shown := told[len(told)-1].Value; !strings.HasPrefix(shown, "echo x") || !strings.HasSuffix(shown, "x > last") {
			c.Errorf("the phone shows %q", shown)
		}
		c.OK(p.Approve(c.pending(p)))
	}
	c.wants("approved", c.login("alice"), in, "Success")
}

func TestDuoUnix22SendsARequestByItself(t *testing.T) {
	c, p := newDuoUnix(t)
	c.auto, c.sync = true, true
	c.answers = func(string) { c.OK(p.Approve(c.pending(p))) }
	c.wants("approved", c.login("alice"), in, "Success")
	c.Clock.Advance(time.Minute)
	c.answers = func(string) {
		_, err := p.Send(p.Answer(c.pending(p), phonewire.Deny))
		c.OK(err)
	}
	c.wants("denied", c.login("alice"), again, "")
	c.env = p.Code()
	c.wants("a code in the environment", c.login("alice"), in, "Success")
}

func TestDuoUnix22WithoutAnAnswerEndsBeforeItsTwentiethPoll(t *testing.T) {
	c, _ := newDuoUnix(t)
	c.typing("1")
	c.wants("nobody answers", c.login("alice"), again, "The request timed out")
	if len(c.printed) > 8 {
		t.Errorf("%d lines", len(c.printed))
	}
}

// Without factors in the answer the client loses the code that was typed.
func TestDuoUnix22TakesACodeWhereTheMenuHasNothingElse(t *testing.T) {
	for what, test := range map[string]struct {
		change func(*policy.Policy)
		told   string // to who asks nobody
	}{
		"codes only":      {func(p *policy.Policy) { p.Methods = []string{policy.MethodPasscode} }, "Requests cannot be used here. Use a code."},
		"number demanded": {func(p *policy.Policy) { p.NumberEntry, p.NumberRequired = 3, "on" }, "Requests cannot be used here. Use a code."},
	} {
		c, p := newDuoUnix(t)
		c.policy(test.change)
		c.typing(p.Code())
		c.wants(what, c.login("alice"), in, "Code: ")
		c.auto, c.sync = true, true
		c.wants(what+", nobody to ask", c.login("alice"), again, test.told)
		c.env = p.Wrong()
		c.wants(what+", a wrong code in the environment", c.login("alice"), again, "")
	}
}

// RULE-14: the number stands in the menu, which is all that this client prints; without it no request is sent.
func TestDuoUnix22ShowsTheNumberOrSendsNoRequest(t *testing.T) {
	c, p := newDuoUnix(t, func(a *application.Application) { a.Policy.NumberEntry, a.Policy.NumberRequired = 3, "on" })
	c.typing("push")
	c.wants("verified_push off", c.login("alice"), again, "Requests cannot be used here. Use a code.")
	if sent := p.Requests(); len(sent) != 0 {
		t.Fatalf("%d requests without a number", len(sent))
	}
	c.verified = true
	number := ""
	c.types = func(menu string) string {
		_, number, _ = strings.Cut(menu, "this number: ")
		number, _, _ = strings.Cut(number, "\n")
		return "1"
	}
	c.answers = func(string) {
		row := c.pending(p)
		if row.Number != number || len(number) != 3 {
			t.Errorf("the terminal shows %q, the phone asks for %q", number, row.Number)
		}
		c.OK(p.Approve(row))
	}
	c.wants("the right number", c.login("alice"), in, "Success")
	c.Clock.Advance(time.Minute)
	c.answers = func(string) {
		_, err := p.Send(p.Answer(c.pending(p), phonewire.Approve, func(x *phonewire.Answer) { x.Number = other(number) }))
		c.OK(err)
	}
	c.wants("a wrong number", c.login("alice"), again, "The number entered on the phone was wrong")
	c.typing(p.Code())
	c.wants("a code instead", c.login("alice"), in, "Success")
}

func TestDuoUnix22OpensWithNoAnswerOfOurs(t *testing.T) {
	for what, one := range map[string]struct {
		change func(c *duoUnix)
		name   string
		want   string
		text   string
	}{
		"disabled":        {func(c *duoUnix) { c.status(c.userID("alice"), user.Disabled) }, "alice", aborted, "Your account is turned off"},
		"policy denies":   {func(c *duoUnix) { c.policy(func(p *policy.Policy) { p.Authentication = policy.AuthenticationDeny }) }, "alice", aborted, "Your organization does not allow"},
		"bypass":          {func(c *duoUnix) { c.status(c.userID("alice"), user.Bypass) }, "alice", skipped, ""},
		"nobody known":    {func(*duoUnix) {}, "newcomer", aborted, "Open this link: http"},
		"turned off":      {func(c *duoUnix) { c.app.Disabled = true; c.Save(c.app) }, "alice", aborted, ""},
		"wrong secret":    {func(c *duoUnix) { c.skey = "x" + c.skey[1:] }, "alice", byMode, ""},
		"no name":         {func(*duoUnix) {}, "\x01", aborted, ""},
		"a long name":     {func(*duoUnix) {}, strings.Repeat("x", 3000), aborted, ""},
		"bytes":           {func(*duoUnix) {}, "a\xffb", aborted, ""},
		"the clock slow":  {func(c *duoUnix) { c.skew = -time.Hour }, "alice", again, "That code is wrong"},
		"the clock fast":  {func(c *duoUnix) { c.skew = 24 * time.Hour }, "alice", again, "That code is wrong"},
		"cannot be known": {func(c *duoUnix) { c.door.SignIn = broken{SignIn: c.SignIn} }, "alice", aborted, "The second step does not work right now. Try again in some minutes."},
	} {
		c, p := newDuoUnix(t)
		one.change(c)
		c.typing(p.Wrong())
		c.wants(what, c.login(one.name), one.want, one.text)
	}
	c, _ := newDuoUnix(t, func(a *application.Application) { a.Type = application.TypeWebSDK })
	c.wants("another type", c.login("alice"), aborted, "")
}

// After preauth the gates may have closed: the terminal reads why, from a txid.
func TestDuoUnix22ReadsWhyItIsDeniedAfterTheMenu(t *testing.T) {
	c, p := newDuoUnix(t)
	c.types = func(string) string { c.status(c.userID("alice"), user.Disabled); return p.Code() }
	c.wants("turned off meanwhile", c.login("alice"), again, "Your account is turned off. Ask your help desk.")
	c.status(c.userID("alice"), user.Active)
	c.types = func(string) string {
		c.policy(func(p *policy.Policy) { p.Authentication = policy.AuthenticationBypass })
		return "000000"
	}
	c.wants("nothing asked for any more", c.login("alice"), in, "No second step is needed here")
}

// The client asks a question that is turned away again, for as long as it is.
func TestDuoUnix22IsNotHeldForAsLongAsTheDatabaseIsLost(t *testing.T) {
	c, p := newDuoUnix(t)
	db := &away{Applications: c.DB.Read(), lost: true}
	c.door.Applications, c.door.Outage = db, &outage.Monitor{Now: c.Clock.Now} // nothing is known of the application
	c.h = c.door.Handler()
	before := c.Clock.Now()
	c.wants("from the beginning", c.login("alice"), aborted, "Rate-limiting")
	if took := c.Clock.Now().Sub(before); took < outage.Grace || took > 2*outage.Grace {
		t.Errorf("it took %v", took)
	}
	db.lost = false
	c.typing(p.Code())
	c.wants("a moment later", c.login("alice"), in, "Success")
	c.types = func(string) string { c.door.SignIn = broken{SignIn: c.SignIn}; return p.Code() }
	c.wants("after the menu", c.login("alice"), again, "The second step does not work right now")
	c.door.SignIn = c.SignIn
	c.typing(p.Code())
	c.wants("once it works again", c.login("alice"), in, "Success")
	c.Clock.Advance(time.Hour)
	c.door.SignIn = broken{SignIn: c.SignIn}
	if r := c.once("POST", "/auth/v2/preauth", "username", "alice"); r.status != 429 || r.header.Get("Retry-After") != "2" {
		t.Errorf("an hour later: %d %s, Retry-After %q", r.status, r.raw, r.header.Get("Retry-After"))
	}
}
