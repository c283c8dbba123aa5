package phone_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/internal/api/phone"
	"countersign/internal/api/phone/phonefake"
	"countersign/internal/base/errs"
	"countersign/internal/base/message"
	"countersign/internal/base/phonewire"
)

type house struct {
	*httptest.Server
	mobile *phonefake.Mobile
	now    atomic.Int64
	key    *ecdsa.PrivateKey
	spki   []byte
	phone  string
}

func (h *house) time() time.Time { return time.UnixMilli(h.now.Load()) }

// newHouse starts the door with one paired phone.
func newHouse(t *testing.T) *house {
	h := &house{}
	h.now.Store(1800000000000)
	h.mobile = &phonefake.Mobile{Organisation: "Northfield", Now: h.time}
	door := &phone.Door{Mobile: h.mobile, Now: h.time, Hold: time.Minute}
	h.Server = httptest.NewServer(door.Handler())
	t.Cleanup(h.Close)
	h.mobile.Offer("7KQM2XWN", "ana")
	h.key, h.spki = newKey(t)
	status, raw := h.activate(t, "7kqm-2xwn")
	if status != 200 {
		t.Fatalf("pairing: %d %s", status, raw)
	}
	var a phonewire.Account
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatal(err)
	}
	h.phone = a.AccountID
	return h
}

func newKey(t *testing.T) (*ecdsa.PrivateKey, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return key, spki
}

func (h *house) host() string { return strings.TrimPrefix(h.URL, "http://") }

func (h *house) activate(t *testing.T, code string) (int, []byte) {
	a := phonewire.Activation{Code: code, PublicKey: base64.RawURLEncoding.EncodeToString(h.spki), Platform: "test", AppVersion: "1"}
	var err error
	if a.Signature, err = phonewire.Sign(rand.Reader, h.key, a.Text(h.host())); err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(a)
	res, err := http.Post(h.URL+"/phone/v1/activations", "application/json", bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

func read(t *testing.T, res *http.Response) (int, []byte) {
	t.Helper()
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, raw
}

// call signs and sends; change may spoil the request after it was signed.
func (h *house) call(t *testing.T, key *ecdsa.PrivateKey, method, target, body string, change func(*http.Request)) (int, phonewire.Failure, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, h.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	auth, err := phonewire.Authorize(rand.Reader, key, method, h.host(), target, h.time(), []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", auth.String())
	if change != nil {
		change(req)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	status, raw := read(t, res)
	var f phonewire.Failure
	if status >= 300 {
		if err := json.Unmarshal(raw, &f); err != nil || f.Code == "" || f.ServerTime != h.now.Load() {
			t.Fatalf("%d is no failure body: %s", status, raw)
		}
	}
	return status, f, raw
}

func (h *house) ask(tx, number string) phonewire.Request {
	r := phonewire.Request{Transaction: tx, Kind: phonewire.KindSignin, ApplicationID: "DI1", ApplicationName: "Payroll", Expires: h.now.Load() + 60000}
	h.mobile.Ask(h.phone, number, r)
	r.UserID = "DUana"
	return r
}

func (h *house) answer(t *testing.T, key *ecdsa.PrivateKey, r phonewire.Request, counter int64, number string, change func(*phonewire.Answer)) string {
	a := phonewire.Answer{Transaction: r.Transaction, Application: r.ApplicationID, User: r.UserID, Phone: h.phone,
		Decision: phonewire.Approve, Number: number, Expires: r.Expires, Counter: counter}
	var err error
	if a.Signature, err = phonewire.Sign(rand.Reader, key, a.Text()); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&a)
	}
	raw, _ := json.Marshal(a)
	return string(raw)
}

// AC-007
func TestAC007ACodeBindsOnePhone(t *testing.T) {
	h := newHouse(t)
	h.key, h.spki = newKey(t)
	if status, raw := h.activate(t, "7KQM2XWN"); status != 410 || !bytes.Contains(raw, []byte("activation.used")) {
		t.Errorf("a second phone: %d %s", status, raw)
	}
	if status, raw := h.activate(t, "AAAA-AAAA"); status != 410 || !bytes.Contains(raw, []byte("activation.expired")) {
		t.Errorf("an unknown code: %d %s", status, raw)
	}
	if ids := h.mobile.Phones(); len(ids) != 1 {
		t.Errorf("phones: %v", ids)
	}
}

func TestAnActivationWithoutProofOfItsKeyIsRefused(t *testing.T) {
	h := newHouse(t)
	h.mobile.Offer("AAAA2222", "bo")
	h.key, _ = newKey(t) // signs, but another key is named
	if status, raw := h.activate(t, "AAAA2222"); status != 401 {
		t.Errorf("%d %s", status, raw)
	}
	if len(h.mobile.Phones()) != 1 {
		t.Error("the phone was bound")
	}
}

func TestAnApprovedRequestIsAnsweredOnce(t *testing.T) {
	h := newHouse(t)
	r := h.ask("tx-1", "417")
	status, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests", "", nil)
	var list phonewire.RequestList
	if err := json.Unmarshal(raw, &list); status != 200 || err != nil || len(list.Requests) != 1 || list.Requests[0].NumberDigits != 3 {
		t.Fatalf("%d %s", status, raw)
	}
	if status, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/tx-1", "", nil); status != 200 {
		t.Errorf("%d %s", status, raw)
	}
	if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests/tx-2", "", nil); status != 404 || f.Code != "phone.request" {
		t.Errorf("%d %+v", status, f)
	}
	for i, want := range []string{phonewire.StateApproved, phonewire.StateAlreadyAnswered} {
		status, _, raw := h.call(t, h.key, "POST", "/phone/v1/requests/tx-1/answer", h.answer(t, h.key, r, int64(i+1), "417", nil), nil)
		if status != 200 || !bytes.Contains(raw, []byte(want)) {
			t.Errorf("answer %d: %d %s", i, status, raw)
		}
	}
}

// AC-010
func TestAC010OnlyTheKeysOwnWholeAnswerCounts(t *testing.T) {
	h := newHouse(t)
	r := h.ask("tx-1", "417")
	other, _ := newKey(t)
	const path = "/phone/v1/requests/tx-1/answer"
	send := func(name, body string, want int) {
		t.Helper()
		if status, _, raw := h.call(t, h.key, "POST", path, body, nil); status != want {
			t.Errorf("%s: %d %s", name, status, raw)
		}
	}
	send("signed by another key", h.answer(t, other, r, 1, "417", nil), 401)
	send("tampered number", h.answer(t, h.key, r, 1, "418", func(a *phonewire.Answer) { a.Number = "417" }), 401)
	send("tampered decision", h.answer(t, h.key, r, 1, "", func(a *phonewire.Answer) { a.Decision = phonewire.Deny }), 401)
	send("unsigned", h.answer(t, h.key, r, 1, "417", func(a *phonewire.Answer) { a.Signature = "" }), 401)
	moved := r
	moved.Transaction = "tx-2"
	send("another transaction", h.answer(t, h.key, moved, 1, "417", nil), 400)
	moved = r
	moved.ApplicationID = "DI2"
	send("another application", h.answer(t, h.key, moved, 1, "417", nil), 403)
	send("unknown field", `{"x":1}`, 400)
	send("not JSON", `{`, 400)
	send("no body", ``, 400)
	send("too large", `{"signature":"`+strings.Repeat("A", phonewire.MaxBody)+`"}`, 400)
	if status, f, _ := h.call(t, other, "GET", "/phone/v1/requests", "", nil); status != 404 || f.Code != "phone.unknown" {
		t.Errorf("an unknown key: %d %+v", status, f)
	}
	if got := h.mobile.Phone(h.phone); len(got.Answers) != 0 || len(got.Open) != 1 {
		t.Errorf("the transaction did not stay pending: %+v", got)
	}
}

func TestARequestMustBeSignedFreshAndNew(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct {
		change func(*http.Request)
		status int
		code   string
	}{
		"no header":   {func(r *http.Request) { r.Header.Del("Authorization") }, 401, "phone.unsigned"},
		"two headers": {func(r *http.Request) { r.Header.Add("Authorization", "Basic x") }, 401, "phone.unsigned"},
		"other form":  {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, 401, "phone.unsigned"},
		"other path":  {func(r *http.Request) { r.URL.Path = "/phone/v1/account" }, 401, "phone.signature"},
		"other query": {func(r *http.Request) { r.URL.RawQuery = "a=1" }, 401, "phone.signature"},
		"other host":  {func(r *http.Request) { r.Host = "evil.example" }, 401, "phone.signature"},
	} {
		if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests", "", c.change); status != c.status || f.Code != c.code {
			t.Errorf("%s: %d %+v", name, status, f)
		}
	}
	var kept string
	h.call(t, h.key, "GET", "/phone/v1/requests", "", func(r *http.Request) { kept = r.Header.Get("Authorization") })
	again := func(r *http.Request) { r.Header.Set("Authorization", kept) }
	if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests", "", again); status != 401 || f.Code != "phone.replayed" {
		t.Errorf("a replay: %d %+v", status, f)
	}
	for _, shift := range []int64{-5*60000 - 1, 5*60000 + 1} {
		late := func(*http.Request) { h.now.Add(shift) }
		if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests", "", late); status != 401 || f.Code != "phone.clock" {
			t.Errorf("%d ms off: %d %+v", shift, status, f)
		}
		h.now.Add(-shift)
	}
	h.now.Add(5*60000 + 2)
	if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests", "", again); status != 401 || f.Code != "phone.clock" {
		t.Errorf("a replay after its nonce was forgotten: %d %+v", status, f)
	}
}

func TestAReplacedPhoneIsToldSo(t *testing.T) {
	h := newHouse(t)
	h.mobile.End(h.phone, errs.New(errs.Gone, "phone.replaced"))
	if status, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests", "", nil); status != 410 || f.Code != "phone.replaced" {
		t.Errorf("%d %+v", status, f)
	}
}

func TestWaitAnswersWhenARequestArrives(t *testing.T) {
	h := newHouse(t)
	_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait", "", nil)
	var list phonewire.RequestList
	if err := json.Unmarshal(raw, &list); err != nil || list.After == "" || list.Requests == nil {
		t.Fatalf("%s", raw)
	}
	done := make(chan []byte, 1)
	go func() {
		_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait?after="+list.After, "", nil)
		done <- raw
	}()
	h.ask("tx-9", "")
	if raw := <-done; !bytes.Contains(raw, []byte("tx-9")) {
		t.Errorf("%s", raw)
	}
}

func TestWaitTellsAPhoneThatItWasReplacedMeanwhile(t *testing.T) {
	h := newHouse(t)
	_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait", "", nil)
	var list phonewire.RequestList
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	done := make(chan phonewire.Failure, 1)
	go func() {
		_, f, _ := h.call(t, h.key, "GET", "/phone/v1/requests/wait?after="+list.After, "", nil)
		done <- f
	}()
	h.mobile.End(h.phone, errs.New(errs.Gone, "phone.replaced"))
	if f := <-done; f.Code != "phone.replaced" {
		t.Errorf("%+v", f)
	}
}

func TestWaitEndsWithoutNews(t *testing.T) {
	h := newHouse(t)
	h.Server = httptest.NewServer((&phone.Door{Mobile: h.mobile, Now: h.time, Hold: 50 * time.Millisecond}).Handler())
	t.Cleanup(h.Close)
	_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait", "", nil)
	var list phonewire.RequestList
	json.Unmarshal(raw, &list)
	status, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait?after="+list.After, "", nil)
	if status != 200 || !bytes.Contains(raw, []byte(list.After)) {
		t.Errorf("%d %s", status, raw)
	}
}

func TestTheAccountCallsReachThePhone(t *testing.T) {
	h := newHouse(t)
	p256dh := base64.RawURLEncoding.EncodeToString(append([]byte{4}, make([]byte, 64)...))
	auth := base64.RawURLEncoding.EncodeToString(make([]byte, 16))
	for _, c := range []struct {
		method, target, body string
		want                 int
	}{
		{"PUT", "/phone/v1/subscription", `{"endpoint":"https://push.example/x","p256dh":"` + p256dh + `","auth":"` + auth + `","permission":"granted"}`, 204},
		{"PUT", "/phone/v1/subscription", `{"endpoint":"ftp://push.example/x","p256dh":"` + p256dh + `","auth":"` + auth + `","permission":"granted"}`, 400},
		{"PUT", "/phone/v1/subscription", `{"endpoint":"https://push.example/x","p256dh":"AA","auth":"` + auth + `","permission":"granted"}`, 400},
		{"POST", "/phone/v1/test-alert", ``, 204},
		{"PATCH", "/phone/v1/account", `{"name":"Work phone"}`, 204},
		{"PATCH", "/phone/v1/account", `{"name":" "}`, 400},
		{"GET", "/phone/v1/account", ``, 200},
		{"POST", "/phone/v1/account", ``, 404},
		{"POST", "/phone/v1/account/report", `{"device":"Other phone"}`, 204},
		{"POST", "/phone/v1/account/report", `{"device":" "}`, 400},
		{"GET", "/phone/v1/nothing", ``, 404},
		{"DELETE", "/phone/v1/account", ``, 204},
		{"GET", "/phone/v1/account", ``, 410},
	} {
		if status, _, raw := h.call(t, h.key, c.method, c.target, c.body, nil); status != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.target, status, raw)
		}
	}
	if p := h.mobile.Phone(h.phone); p.Subscription.Endpoint == "" || p.Account.PhoneName != "Work phone" || p.TestAlerts != 1 {
		t.Errorf("%+v", p)
	}
}

// failing answers every call with one error.
type failing struct {
	*phonefake.Mobile
	err error
}

func (f failing) Requests(context.Context, string) ([]phonewire.Request, error) { return nil, f.err }

func TestEachKindOfErrorHasItsStatus(t *testing.T) {
	h := newHouse(t)
	for kind, want := range map[errs.Kind]int{errs.Invalid: 400, errs.Unproved: 401, errs.Denied: 403, errs.Forbidden: 403,
		errs.NotFound: 404, errs.Conflict: 409, errs.Gone: 410, errs.Limited: 429, errs.Unavailable: 429} {
		door := &phone.Door{Mobile: failing{h.mobile, errs.New(kind, "phone.busy")}, Now: h.time}
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://x.example/phone/v1/requests", nil)
		a, _ := phonewire.Authorize(rand.Reader, h.key, "GET", "x.example", "/phone/v1/requests", h.time(), nil)
		r.Header.Set("Authorization", a.String())
		door.Handler().ServeHTTP(w, r)
		if w.Code != want || (want == 429) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s: %d %v", kind, w.Code, w.Header())
		}
	}
}

func TestEveryRefusalOfTheDoorHasASentence(t *testing.T) {
	for _, code := range []string{"unsigned", "signature", "clock", "replayed", "body", "body_size", "busy", "route", "request"} {
		if !message.Has("error.phone." + code) {
			t.Errorf("error.phone.%s is not in the catalogue", code)
		}
	}
}

func TestEveryRouteIsServed(t *testing.T) {
	h := newHouse(t)
	door := &phone.Door{Mobile: h.mobile, Now: h.time}
	for _, route := range door.Routes() {
		w := httptest.NewRecorder()
		door.Handler().ServeHTTP(w, httptest.NewRequest(route.Method, strings.Replace(route.Pattern, "{id}", "x", 1), nil))
		if w.Code == 404 || w.Code == 405 {
			t.Errorf("%s %s: %d", route.Method, route.Pattern, w.Code)
		}
	}
}
