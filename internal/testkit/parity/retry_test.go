package parity

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/base/phonewire"
	"countersign/internal/client/phone"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// wire is a signed door as seen by a client that writes bytes to a TLS socket.
type wire struct {
	name, path, status string
	version            duosign.Version
	digest             duosign.Digest
	code, push         url.Values // parameters of a code and of a request; the empty one takes the code
}

var wires = []wire{
	{"auth", "/auth/v2/auth", "/auth/v2/auth_status", duosign.V2, duosign.SHA512, values("factor", "passcode", "passcode", ""), values("factor", "push", "device", "auto")},
	{"bson", "/rest/v1/auth.bson", "/rest/v1/status.bson", duosign.V1, duosign.SHA1, values("factor", "passcode", "code", ""), values("factor", "push")},
	{"json", "/rest/v1/auth", "/rest/v1/status", duosign.V1, duosign.SHA512, values("factor", "passcode", "code", ""), values("factor", "push")},
}

// client is an application that uses a wire, and one person with a phone.
type client struct {
	*world
	wire
	app  application.Application
	skey string
	user user.User
	p    *phone.Device
	at   *front
}

// front is a TLS server before the program that reports when it has noticed that a caller is gone.
type front struct {
	*httptest.Server
	left chan struct{} // receives once for each call whose connection broke before its answer
}

func (w *world) front() *front {
	f := &front{left: make(chan struct{}, 100)}
	f.Server = httptest.NewTLSServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		defer context.AfterFunc(r.Context(), func() { f.left <- struct{}{} })()
		w.Handler().ServeHTTP(answer, r) // a test may have replaced the program
	}))
	w.t.Cleanup(f.Close)
	return f
}

func (w *world) client(at wire) *client {
	w.t.Helper()
	none := policy.NumberEntryOff
	kind := application.TypeUnix
	if at.name == "auth" {
		kind = application.TypeAuthAPI
	}
	name := fmt.Sprintf("App %s %d", at.name, time.Now().UnixNano())
	a, plain, err := w.Directory.AddApplication(w.t.Context(), directory.CommandLine, kind, directory.ApplicationChange{Name: &name, Policy: directory.PolicyChange{NumberEntry: &none}})
	if err != nil {
		w.t.Fatal(err)
	}
	u := w.User(fmt.Sprintf("ana%d", time.Now().UnixNano()))
	return &client{world: w, wire: at, app: a, skey: plain.Reveal(), user: u, p: w.Phone(u, "Pixel"), at: w.front()}
}

// with returns the parameters of an attempt with a code, or with a request if the code is empty.
func (c *client) with(code string, async bool) url.Values {
	v := values("user", c.user.Username, "username", c.user.Username, "ipaddr", "198.51.100.1")
	from := c.push
	if code != "" {
		from = c.code
	}
	for name := range from {
		v.Set(name, from.Get(name))
		if from.Get(name) == "" {
			v.Set(name, code)
		}
	}
	if async {
		v.Set("async", "1")
	}
	if c.name == "auth" {
		v.Del("user")
	} else {
		v.Del("username")
	}
	return v
}

// bytes returns a signed request as it is sent.
func (c *client) bytes(method, path string, params url.Values) string {
	s := duosign.Request{Method: method, Host: c.APIHost, Path: path}
	target, body := path, ""
	if method == http.MethodGet {
		s.Query, target = params, path+"?"+params.Encode()
	} else {
		s.Form, body = params, params.Encode()
	}
	date := ""
	if c.version != duosign.V1 {
		s.Date = c.Clock.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0000")
		date = "Date: " + s.Date + "\r\n"
	}
	proof := duosign.Credentials{Key: c.app.ID, Signature: duosign.Sign(s, c.version, c.digest, c.skey)}.Header()
	return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%sAuthorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		method, target, c.APIHost, date, proof, len(body), body)
}

func (c *client) dial() *tls.Conn {
	trust := c.at.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trust.ServerName = "example.com"
	conn, err := tls.Dial("tcp", c.at.Listener.Addr().String(), trust)
	if err != nil {
		c.t.Error(err)
		panic(err)
	}
	return conn
}

// cut sends a request, closes the connection after 50 ms without reading, and waits until the server has noticed. An
// answer that the server wrote before then counts as delivered.
func (c *client) cut(request string) {
	conn := c.dial()
	if _, err := io.WriteString(conn, request); err != nil {
		c.t.Error(err)
	}
	time.Sleep(50 * time.Millisecond)
	_ = conn.Close() // an error does not matter here
	select {
	case <-c.at.left:
	case <-time.After(time.Minute):
		c.t.Error("the server does not notice that its caller has gone")
	}
}

// ask sends a request and returns the response object of the answer, which is nil for status 429.
func (c *client) ask(request string) map[string]any {
	conn := c.dial()
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		c.t.Error(err)
		return nil
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		c.t.Error(err)
		return nil
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	var all map[string]any
	if err == nil && strings.HasSuffix(res.Header.Get("Content-Type"), "bson") {
		all, err = readBSON(raw)
	} else if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	answer, _ := all["response"].(map[string]any)
	if res.StatusCode == http.StatusTooManyRequests {
		c.t.Logf("%s: 429", c.name)
	} else if err != nil || answer == nil {
		c.t.Errorf("%s: %d %q, %v", c.name, res.StatusCode, raw, err)
	}
	return answer
}

// comes returns the decision that an answer of auth leads to: allow, deny, or the last answer if there is none.
func (c *client) comes(answer map[string]any) string {
	txid, later := answer["txid"].(string)
	for range 8 {
		if result, _ := answer["result"].(string); result == "allow" || result == "deny" {
			return result
		}
		if later {
			answer = c.ask(c.bytes("GET", c.status, values("txid", txid)))
		}
	}
	return fmt.Sprint(answer)
}

// held locks the person's row in the database, so that every decision about the person waits until release.
func (c *client) held() (release func()) {
	taken, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		err := c.DB.Write(c.t.Context(), func(st flow.Store) error {
			_, err := st.LockAccount(c.t.Context(), c.user.ID)
			close(taken)
			<-free
			return err
		})
		if err != nil {
			c.t.Error(err)
		}
	}()
	<-taken
	return func() { close(free); <-done }
}

// logged returns the rows of the person in the authentication log, newest first.
func (c *client) logged() (rows []audit.Authentication) {
	c.t.Helper()
	rows, err := c.DB.Read().Authentications(c.t.Context(), audit.Query{User: c.user.Username, Limit: 1000})
	if err != nil {
		c.t.Fatal(err)
	}
	return rows
}

func (c *client) typed() string {
	c.t.Helper()
	code, err := c.p.Code(c.Clock.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	return code
}

// approves waits until exactly one request is open on the phone, and approves it.
func (c *client) approves() {
	c.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		open, err := c.p.Requests(c.t.Context())
		switch {
		case err != nil || len(open) > 1 || time.Now().After(end):
			c.t.Fatalf("%d requests wait, %v", len(open), err)
		case len(open) == 1:
			if _, err := c.p.Approve(c.t.Context(), open[0].Transaction, ""); err != nil {
				c.t.Fatal(err)
			}
			return
		}
	}
}

func eachWire(t *testing.T, test func(c *client)) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		p := testkit.Start(t, database)
		for _, at := range wires {
			t.Run(at.name, func(t *testing.T) {
				w := &world{Program: p, t: t, api: p.Client()}
				test(w.client(at))
			})
		}
	})
}

// The person typed a right or a wrong code and the network lost the answer. The client's second try gets the result
// of the first, and nothing is counted twice (AC-003, decision 0026).
func TestACallCutOffIsTheSameSignInWhenItComesAgain(t *testing.T) {
	eachWire(t, func(c *client) {
		for _, async := range []bool{false, true} {
			for _, want := range []string{"allow", "deny"} {
				code := "000000"
				if want == "allow" {
					code = c.typed()
				}
				before := len(c.logged())
				request := c.bytes("POST", c.path, c.with(code, async))
				release := c.held()
				c.cut(request)
				var again map[string]any
				var retry sync.WaitGroup
				retry.Go(func() { again = c.ask(request) })
				time.Sleep(50 * time.Millisecond) // the retry mostly waits by now; the result is the same if it does not
				release()
				retry.Wait()
				if got := c.comes(again); got != want {
					c.t.Errorf("async %v: %s, want %s", async, got, want)
				}
				if n := len(c.logged()) - before; n != 1 {
					c.t.Errorf("async %v: %s left %d rows", async, want, n)
				}
				if got := c.comes(c.ask(request)); got != "deny" {
					c.t.Errorf("async %v: after the answer got out the code came to %s", async, got)
				}
			}
		}
	})
}

func TestARequestCutOffIsSentOnce(t *testing.T) {
	eachWire(t, func(c *client) {
		for _, async := range []bool{false, true} {
			before := len(c.logged())
			request := c.bytes("POST", c.path, c.with("", async))
			release := func() {}
			if async { // the lock keeps the server from answering before the connection is closed
				release = c.held()
			}
			c.cut(request)
			release()
			var again string
			var retry sync.WaitGroup
			retry.Go(func() { again = c.comes(c.ask(request)) })
			c.approves()
			if retry.Wait(); again != "allow" {
				c.t.Errorf("async %v: %s", async, again)
			}
			if open, err := c.p.Requests(c.t.Context()); err != nil || len(open) != 0 {
				c.t.Errorf("async %v: %d more requests wait, %v", async, len(open), err)
			}
			if n := len(c.logged()) - before; n != 1 {
				c.t.Errorf("async %v: %d rows", async, n)
			}
		}
	})
}

// Two terminals of one person at one machine ask alike (RULE-13): one approval opens one.
func TestOneApprovalOpensOneSessionOfSeveral(t *testing.T) {
	eachWire(t, func(c *client) {
		var results sync.Map
		var all sync.WaitGroup
		for n := range 2 {
			all.Go(func() { results.Store(n, c.comes(c.ask(c.bytes("POST", c.path, c.with("", false))))) })
			for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
				open, err := c.p.Requests(c.t.Context())
				if err != nil || time.Now().After(end) {
					c.t.Fatalf("%d requests wait, %v", len(open), err)
				}
				if len(open) > n {
					break
				}
			}
			c.Clock.Advance(time.Second) // so that the second call has another Date and another signature
		}
		open, err := c.p.Requests(c.t.Context())
		if err != nil || len(open) != 2 || open[0].Transaction == open[1].Transaction {
			c.t.Fatalf("%v, %v", open, err)
		}
		if third := c.comes(c.ask(c.bytes("POST", c.path, c.with("", false)))); third != "deny" {
			c.t.Errorf("a third one at the same time: %s", third)
		}
		if _, err := c.p.Approve(c.t.Context(), open[0].Transaction, ""); err != nil {
			c.t.Fatal(err)
		}
		if _, err := c.p.Deny(c.t.Context(), open[1].Transaction, phonewire.Mistake); err != nil {
			c.t.Fatal(err)
		}
		all.Wait()
		one, _ := results.Load(0)
		two, _ := results.Load(1)
		if one == two {
			c.t.Errorf("one approval and one refusal came to %v and %v", one, two)
		}
	})
}

// AC-004 over all signed doors at once.
func TestFiftyCallsOverThreeDoorsWithOneCodeAreLetInOnce(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		w := &world{Program: testkit.Start(t, database), t: t}
		w.api = w.Client()
		w.set(func(s *settings.Settings) { s.LockoutThreshold = 100 })
		first := w.client(wires[0])
		clients := []*client{first}
		for _, at := range wires[1:] {
			c := *w.client(at)
			c.user, c.p = first.user, first.p
			clients = append(clients, &c)
		}
		for range 3 {
			var requests []func() string
			code := first.typed()
			for n := range 50 {
				c := clients[n%len(clients)]
				request := c.bytes("POST", c.path, c.with(code, n%2 == 0))
				requests = append(requests, func() string { return c.comes(c.ask(request)) })
			}
			before := len(first.logged())
			results := make([]string, len(requests))
			start := make(chan struct{})
			var all sync.WaitGroup
			for n, request := range requests {
				all.Go(func() {
					<-start
					results[n] = request()
				})
			}
			close(start)
			all.Wait()
			counts := map[string]int{}
			for _, r := range results {
				counts[r]++
			}
			if counts["allow"] != 1 || counts["deny"] != 49 {
				t.Errorf("%v", counts)
			}
			rows := first.logged()
			good := 0
			for _, r := range rows[:len(rows)-before] {
				if r.Result == audit.Success {
					good++
				}
			}
			if good != 1 || len(rows)-before != 50 {
				t.Errorf("%d rows, %d of them let in", len(rows)-before, good)
			}
			w.Clock.Advance(time.Minute)
		}
	})
}

// A decision made at once is reported to a caller that asks for it later, by any node and also after a crash (RULE-1).
func TestAnotherNodeTellsWhatWasDecidedAtOnce(t *testing.T) {
	dir := t.TempDir()
	w := &world{Program: testkit.Start(t, testkit.InFolder(dir)), t: t}
	w.api = w.Client()
	asked := map[*client]string{}
	for _, at := range wires {
		c := w.client(at)
		bypass := user.Bypass
		if _, err := w.Directory.SetUser(t.Context(), directory.CommandLine, c.user.Username, directory.UserChange{Status: &bypass}); err != nil {
			t.Fatal(err)
		}
		txid, _ := c.ask(c.bytes("POST", c.path, c.with("123456", true)))["txid"].(string)
		if len(txid) != 36 || txid[14] != '4' || !strings.ContainsRune("89ab", rune(txid[19])) {
			t.Errorf("%s: %q is no UUID", c.name, txid)
		}
		asked[c] = txid
	}
	w.Stop()
	w.Program = testkit.Start(t, testkit.InFolder(dir), testkit.WithClock(w.Clock))
	w.api = w.Client()
	for c, txid := range asked {
		if got := c.comes(map[string]any{"txid": txid}); got != "allow" {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}
