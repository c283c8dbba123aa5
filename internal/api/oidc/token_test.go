package oidc

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/errs"
	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
)

// AC-014: what this door adds to the flow's own rule that a code is taken once.
func TestAC014CodeIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	begin := func() string {
		w.begins(w.authorize(w.requestClaims()))
		_, code := w.finish(len(w.begun) - 1)
		return code
	}
	refused := func(what string, form url.Values) {
		t.Helper()
		rec := w.post(tokenPath, form)
		if m := decode(t, rec); rec.Code != 400 || m["error"] != "invalid_grant" {
			t.Errorf("%s: %d %s", what, rec.Code, rec.Body)
		}
	}
	code := begin()
	if rec := w.post(tokenPath, w.tokenForm(code)); rec.Code != 200 {
		t.Fatalf("first use: %d %s", rec.Code, rec.Body)
	}
	refused("second use", w.tokenForm(code))

	code, results := begin(), make(chan int)
	for range 50 {
		form := w.tokenForm(code)
		go func() { results <- w.post(tokenPath, form).Code }()
	}
	good := 0
	for range 50 {
		if <-results == 200 {
			good++
		}
	}
	if good != 1 {
		t.Errorf("50 in parallel: %d token sets", good)
	}

	form := w.tokenForm(begin())
	form.Set("client_id", otherID)
	form.Set("client_assertion", signedBy(t, with(w.assertionClaims(tokenPath), claims{"iss": otherID, "sub": otherID})))
	refused("another client", form)

	for _, other := range []string{"https://app.example/cb", callback + "&", "https://evil.example/cb", callback[:len(callback)-1], strings.ToUpper(callback)} {
		form = w.tokenForm(begin())
		form.Set("redirect_uri", other)
		refused("redirect_uri "+other, form)
		form = w.tokenForm(form.Get("code"))
		refused("right redirect_uri after a wrong one", form)
	}

	code = begin()
	l := w.logins[code]
	l.Door = "frame"
	w.logins[code] = l
	refused("code of another door", w.tokenForm(code))
	refused("no such code", w.tokenForm("nonsense"))
	w.collectErr = login.ErrGrant
	refused("user disabled meanwhile", w.tokenForm(begin()))
}

// AC-061: PKCE is no part of the SDKs; who uses it gets it enforced both ways.
func TestAC061PKCE(t *testing.T) {
	const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	long := strings.Repeat("a", 129)
	sum := sha256.Sum256([]byte(long))
	for _, c := range []struct {
		name             string
		signed           claims
		query            url.Values
		verifier         string
		begins, redeemed bool
	}{
		{"in the signed request", claims{"code_challenge": challenge, "code_challenge_method": "S256"}, nil, verifier, true, true},
		{"in the query", nil, url.Values{"code_challenge": {challenge}, "code_challenge_method": {"S256"}}, verifier, true, true},
		{"signed wins over the query", claims{"code_challenge": challenge, "code_challenge_method": "S256"}, url.Values{"code_challenge": {strings.Repeat("A", 43)}, "code_challenge_method": {"S256"}}, verifier, true, true},
		{"no verifier", claims{"code_challenge": challenge, "code_challenge_method": "S256"}, nil, "", true, false},
		{"wrong verifier", claims{"code_challenge": challenge, "code_challenge_method": "S256"}, nil, verifier[:42] + "X", true, false},
		{"challenge as verifier", claims{"code_challenge": challenge, "code_challenge_method": "S256"}, nil, challenge, true, false},
		{"overlong verifier", claims{"code_challenge": base64.RawURLEncoding.EncodeToString(sum[:]), "code_challenge_method": "S256"}, nil, long, true, false},
		{"verifier without challenge", nil, nil, verifier, true, false},
		{"plain", claims{"code_challenge": verifier, "code_challenge_method": "plain"}, nil, verifier, false, false},
		{"no method, which means plain", claims{"code_challenge": verifier}, nil, verifier, false, false},
		{"method without challenge", claims{"code_challenge_method": "S256"}, nil, verifier, false, false},
		{"method in lower case", claims{"code_challenge": challenge, "code_challenge_method": "s256"}, nil, verifier, false, false},
		{"short challenge", claims{"code_challenge": challenge[:42], "code_challenge_method": "S256"}, nil, verifier, false, false},
		{"challenge in hex", claims{"code_challenge": strings.Repeat("0f", 32), "code_challenge_method": "S256"}, nil, verifier, false, false},
		{"padded challenge", claims{"code_challenge": challenge + "=", "code_challenge_method": "S256"}, nil, verifier, false, false},
	} {
		w := newWorld(t)
		q := url.Values{"client_id": {clientID}, "request": {signedBy(t, with(w.requestClaims(), c.signed))}}
		for k, v := range c.query {
			q[k] = v
		}
		rec := w.get(q)
		if !c.begins {
			if back := backWith(t, rec); back.Get("error") != "invalid_request" || len(w.begun) != 0 {
				t.Errorf("%s: %d %s", c.name, rec.Code, rec.Header().Get("Location"))
			}
			continue
		}
		w.begins(rec)
		_, code := w.finish(0)
		form := w.tokenForm(code)
		if c.verifier != "" {
			form.Set("code_verifier", c.verifier)
		}
		rec = w.post(tokenPath, form)
		if ok := rec.Code == 200; ok != c.redeemed {
			t.Errorf("%s: %d %s", c.name, rec.Code, rec.Body)
		}
		if rec.Code != 200 && decode(t, rec)["error"] != "invalid_grant" {
			t.Errorf("%s: %s", c.name, rec.Body)
		}
	}
	w := newWorld(t) // a challenge of one code does not open another
	w.begins(w.authorize(with(w.requestClaims(), claims{"code_challenge": challenge, "code_challenge_method": "S256"})))
	w.begins(w.authorize(w.requestClaims()))
	_, code := w.finish(1)
	form := w.tokenForm(code)
	form.Set("code_verifier", verifier)
	if rec := w.post(tokenPath, form); rec.Code != 400 {
		t.Errorf("verifier of another code: %d", rec.Code)
	}
}

// backWith is the query with which the browser is sent back to the application.
func backWith(t *testing.T, rec *httptest.ResponseRecorder) url.Values {
	t.Helper()
	u, err := url.Parse(rec.Header().Get("Location"))
	if err != nil || rec.Code != 303 || !strings.HasPrefix(rec.Header().Get("Location"), callback+"&") {
		t.Fatalf("not sent back: %d %q %s", rec.Code, rec.Header().Get("Location"), rec.Body)
	}
	return u.Query()
}

// Once the redirect is trusted the application hears what is wrong.
func TestErrorsGoBackToATrustedAddress(t *testing.T) {
	for _, c := range []struct {
		change claims
		error  string
		state  bool
	}{
		{claims{"response_type": "token"}, "unsupported_response_type", true},
		{claims{"response_type": nil}, "unsupported_response_type", true},
		{claims{"response_type": "code id_token"}, "unsupported_response_type", true},
		{claims{"scope": nil}, "invalid_scope", true},
		{claims{"scope": "email openidx"}, "invalid_scope", true},
		{claims{"state": nil}, "invalid_request", false},
		{claims{"state": "0123456789abcde"}, "invalid_request", false},
		{claims{"state": strings.Repeat("s", 1025)}, "invalid_request", false},
		{claims{"nonce": "short"}, "invalid_request", true},
		{claims{"nonce": strings.Repeat("n", 1025)}, "invalid_request", true},
		{claims{"duo_uname": nil}, "invalid_request", true},
		{claims{"duo_uname": ""}, "invalid_request", true},
		{claims{"duo_uname": strings.Repeat("u", 9000)}, "invalid_request", true},
	} {
		w := newWorld(t)
		back := backWith(t, w.authorize(with(w.requestClaims(), c.change)))
		if back.Get("error") != c.error || back.Get("error_description") == "" || back.Has("state") != c.state || c.state && back.Get("state") != state || back.Has("code") || back.Has("duo_code") || len(w.begun) != 0 {
			t.Errorf("%v: %v", c.change, back)
		}
	}
	for err, want := range map[error]string{user.ErrNameInvalid: "invalid_request", errors.New("disk full"): "temporarily_unavailable", errs.New(errs.Unavailable, "db"): "temporarily_unavailable"} {
		w := newWorld(t)
		w.beginErr = err
		if back := backWith(t, w.authorize(w.requestClaims())); back.Get("error") != want || back.Get("state") != state {
			t.Errorf("%v: %v", err, back)
		}
	}
	w := newWorld(t)
	w.beginErr = application.ErrUnknown
	if rec := w.authorize(w.requestClaims()); rec.Code != 403 || rec.Header().Get("Location") != "" {
		t.Errorf("application gone: %d", rec.Code)
	}
	for _, edge := range []claims{{"state": "0123456789abcdef"}, {"state": strings.Repeat("é", 1024)}, {"nonce": strings.Repeat("n", 1024)}, {"scope": "email openid"}} {
		w := newWorld(t)
		w.begins(w.authorize(with(w.requestClaims(), edge)))
	}
}

// Programs get JSON where people get a page.
func TestAuthorizeAnswersJSONWhenAsked(t *testing.T) {
	w := newWorld(t)
	for accept, wantJSON := range map[string]bool{"application/json": true, "application/json, text/plain, */*": true, "text/html,application/json": false, "*/*": false, "": false} {
		r := httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?client_id="+clientID+"&request=x", nil)
		r.Header.Set("Accept", accept)
		rec := w.do(r)
		isJSON := rec.Header().Get("Content-Type") == "application/json"
		if rec.Code != 400 || isJSON != wantJSON {
			t.Errorf("Accept %q: %d %s", accept, rec.Code, rec.Header().Get("Content-Type"))
		}
		if isJSON && decode(t, rec)["error"] != "invalid_client" {
			t.Errorf("Accept %q: %s", accept, rec.Body)
		}
	}
}

// RULE-31: nothing at this door is a 5xx, whatever is down.
func TestDatabaseDownIsSaidWith429(t *testing.T) {
	w := newWorld(t)
	w.begins(w.authorize(w.requestClaims()))
	_, code := w.finish(0)
	form := w.tokenForm(code)
	w.dbErr = errors.New("connection refused")
	for _, path := range []string{"/oauth/v1/health_check", tokenPath} {
		rec := w.post(path, form)
		if decode(t, rec); rec.Code != 429 || rec.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
	}
	if rec := w.authorize(w.requestClaims()); rec.Code != 429 || len(w.logins) != 1 {
		t.Errorf("authorize: %d", rec.Code)
	}
	w.dbErr = nil
	for _, err := range []error{errs.New(errs.Unavailable, "db"), errors.New("boom"), context.DeadlineExceeded} {
		w.collectErr = err
		if rec := w.post(tokenPath, w.tokenForm(code)); rec.Code != 429 {
			t.Errorf("collect %v: %d", err, rec.Code)
		}
	}
	w.collectErr = nil
	a := w.apps[clientID]
	a.Secret = []byte("broken")
	w.apps[clientID] = a
	if rec := w.post("/oauth/v1/health_check", w.tokenForm(code)); rec.Code != 429 {
		t.Errorf("secret does not open: %d", rec.Code)
	}
}

func TestAHealthCheckDoesNotWaitForADiskThatHangs(t *testing.T) {
	w := newWorld(t)
	w.hang, w.door.Deadline = make(chan struct{}), 0
	t.Cleanup(func() { close(w.hang) })
	began := time.Now()
	form := url.Values{"client_id": {clientID}, "client_assertion": {signedBy(t, w.assertionClaims(HealthPath))}}
	if rec := w.post(HealthPath, form); rec.Code != 429 || rec.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if took := time.Since(began); took > healthTime+20*time.Second || healthTime > 2*time.Second { // SDKs have no more patience
		t.Errorf("after %s of %s", took, healthTime)
	}
}

func TestABugIsShedToo(t *testing.T) {
	w := newWorld(t)
	w.door.SignIn = nil
	if rec := w.post(tokenPath, w.tokenForm("x")); rec.Code != 429 || !strings.Contains(w.log.String(), "panic") {
		t.Errorf("got %d", rec.Code)
	}
}

func TestTokenParametersAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		error string
	}{
		"grant_type": {"password", "unsupported_grant_type"}, "client_assertion_type": {"jwt", "invalid_client"}, "code": {"", "invalid_request"}, "redirect_uri": {"", "invalid_request"},
		"client_assertion": {"", "invalid_client"}, "client_id": {otherID, "invalid_client"},
	} {
		w := newWorld(t)
		w.begins(w.authorize(w.requestClaims()))
		_, code := w.finish(0)
		form := w.tokenForm(code)
		form.Set(name, c.value)
		if rec := w.post(tokenPath, form); rec.Code != 400 || decode(t, rec)["error"] != c.error || len(w.logins) != 1 {
			t.Errorf("%s=%q: %d %s", name, c.value, rec.Code, rec.Body)
		}
	}
}

// RULE-29, AC-077.
func TestMalformedRequestsAreRefused(t *testing.T) {
	w := newWorld(t)
	form := w.tokenForm("x")
	body := form.Encode()
	post := func(change func(r *http.Request), target, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "https://"+apiHost+target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(r)
		}
		return w.do(r)
	}
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, target := range []string{tokenPath, "/oauth/v1/health_check"} {
		for name, rec := range map[string]*httptest.ResponseRecorder{
			"twice in the body":      post(nil, target, body+"&client_id="+clientID),
			"in query and body":      post(nil, target+"?client_id="+clientID, body),
			"twice, once empty":      post(nil, target, body+"&code="),
			"10^4 parameters":        post(nil, target, body+strings.Repeat("&a=1", 10_000)),
			"broken encoding":        post(nil, target, body+"&nonce=%zz"),
			"not UTF-8":              post(nil, target, body+"&nonce=%ff"),
			"JSON":                   post(header("Content-Type", "application/json"), target, `{"client_id":"x"}`),
			"no content type":        post(header("Content-Type", ""), target, body),
			"text":                   post(header("Content-Type", "text/plain"), target, body),
			"gzip":                   post(header("Content-Encoding", "gzip"), target, body),
			"multipart, no boundary": post(header("Content-Type", "multipart/form-data"), target, body),
			"multipart, broken":      post(header("Content-Type", "multipart/form-data; boundary=x"), target, "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nx"),
			"multipart, file":        post(header("Content-Type", "multipart/form-data; boundary=x"), target, "--x\r\nContent-Disposition: form-data; name=\"code\"; filename=\"f\"\r\n\r\nx\r\n--x--\r\n"),
			"multipart, twice": post(header("Content-Type", "multipart/form-data; boundary=x"), target,
				"--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nx\r\n--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\nx\r\n--x--\r\n"),
		} {
			if decode(t, rec); rec.Code != 400 {
				t.Errorf("%s, %s: %d %s", target, name, rec.Code, rec.Body)
			}
		}
		if rec := post(nil, target, body+"&pad="+strings.Repeat("x", 65<<10)); rec.Code != 413 {
			t.Errorf("%s, 65 KiB: %d", target, rec.Code)
		}
		if rec := post(header("Content-Type", "multipart/form-data; boundary=x"), target, "--x\r\nContent-Disposition: form-data; name=\"code\"\r\n\r\n"+strings.Repeat("x", 65<<10)); rec.Code != 413 {
			t.Errorf("%s, 65 KiB multipart: %d", target, rec.Code)
		}
		if rec := post(func(r *http.Request) { r.Host = "evil.example" }, target, body); rec.Code != 421 {
			t.Errorf("%s, foreign host: %d", target, rec.Code)
		}
		rec := w.do(httptest.NewRequest("GET", "https://"+apiHost+target, nil))
		if own := strings.Contains(rec.Body.String(), `"code":40501`); own != (target == HealthPath) {
			t.Errorf("GET %s: %s", target, rec.Body)
		}
		if rec.Code != 405 || rec.Header().Get("Allow") != "POST" {
			t.Errorf("%s, GET: %d", target, rec.Code)
		}
	}
	if rec := w.do(httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/userinfo", nil)); rec.Code != 404 || decode(t, rec)["error"] == "" {
		t.Errorf("unknown address: %d", rec.Code)
	}
	request := signedBy(t, w.requestClaims())
	for _, twice := range []string{"&client_id=" + clientID, "&request=x", "&state=1&state=2", "&nonce=a&nonce=b", "&redirect_uri=a&redirect_uri=b"} {
		rec := w.do(httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?client_id="+clientID+"&request="+request+twice, nil))
		w.refusedByPage(rec, twice)
	}
}

// RULE-41: cookies, WebAuthn and the phone app live at the prompt's own origin.
func TestBrowserOnAnotherOriginMovesToThePrompts(t *testing.T) {
	w := newWorld(t)
	w.door.PublicURL, w.door.APIHosts = "http://localhost:8080", []string{"localhost:8443"}
	request := signedBy(t, with(w.requestClaims(), claims{"aud": "https://localhost:8443"}))
	query := url.Values{"client_id": {clientID}, "request": {request}, "response_type": {"code"}}.Encode()
	rec := w.do(httptest.NewRequest("GET", "https://localhost:8443/oauth/v1/authorize?"+query, nil))
	if rec.Code != 303 || rec.Header().Get("Location") != "http://localhost:8080/oauth/v1/authorize?"+query || len(w.begun) != 0 {
		t.Fatalf("GET: %d %s", rec.Code, rec.Header().Get("Location"))
	}
	r := httptest.NewRequest("POST", "https://localhost:8443/oauth/v1/authorize", strings.NewReader(query))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec = w.do(r)
	if rec.Code != 303 || rec.Header().Get("Location") != "http://localhost:8080/oauth/v1/authorize?"+query {
		t.Fatalf("POST: %d %s", rec.Code, rec.Header().Get("Location"))
	}
	w.begins(w.do(httptest.NewRequest("GET", rec.Header().Get("Location"), nil)))
	if rec := w.do(httptest.NewRequest("GET", "https://evil.example/oauth/v1/authorize?"+query, nil)); rec.Code != 400 {
		t.Errorf("foreign host: %d", rec.Code)
	}
}

func TestAProxyThatTakesTLSOffIsNoOtherOrigin(t *testing.T) {
	w := newWorld(t)
	w.begins(w.do(httptest.NewRequest("GET", "http://"+apiHost+"/oauth/v1/authorize?"+plainQuery(signedBy(t, w.requestClaims())), nil)))
}

func TestPostedAuthorizeOpensASignIn(t *testing.T) {
	w := newWorld(t)
	form, _ := url.ParseQuery(plainQuery(signedBy(t, w.requestClaims())))
	w.begins(w.post("/oauth/v1/authorize", form))
	form.Del("client_id") // the signed request names it
	w.begins(w.post("/oauth/v1/authorize", form))
}

func TestHEADOpensNothing(t *testing.T) {
	w := newWorld(t)
	q := plainQuery(signedBy(t, with(w.requestClaims(), claims{"jti": "0123456789"})))
	if rec := w.do(httptest.NewRequest("HEAD", "https://"+apiHost+"/oauth/v1/authorize?"+q, nil)); rec.Code != 200 || len(w.begun) != 0 || len(w.spent) != 0 {
		t.Errorf("HEAD: %d", rec.Code)
	}
	w.begins(w.do(httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?"+q, nil)))
}

// AC-055: neither the log nor an answer repeats what was sent.
func TestNothingSecretIsLogged(t *testing.T) {
	w := newWorld(t)
	canary := "CANARYCANARYCANARY"
	w.authorize(with(w.requestClaims(), claims{"duo_uname": canary, "iss": otherID}))
	w.authorize(with(w.requestClaims(), claims{"duo_uname": canary, "state": canary, "scope": canary}))
	w.authorize(with(w.requestClaims(), claims{"exp": canary}))
	w.post(tokenPath, w.tokenForm(canary))
	form := w.tokenForm(canary)
	form.Set("client_assertion", raw(hs512, `{"iss":"`+canary+`"}`, canary))
	w.post(tokenPath, form)
	w.get(url.Values{"client_id": {canary}, "request": {canary}})
	if log := w.log.String(); strings.Contains(log, canary) || strings.Contains(log, appSecret) || !strings.Contains(log, "why=") {
		t.Errorf("log: %s", log)
	}
}

func TestRoutesAreServed(t *testing.T) {
	w := newWorld(t)
	for _, r := range w.door.Routes() {
		rec := w.do(httptest.NewRequest(r.Method, "https://"+apiHost+r.Pattern, nil))
		if rec.Code == 404 || rec.Code == 405 || r.Name == "" {
			t.Errorf("%v: %d", r, rec.Code)
		}
	}
}
