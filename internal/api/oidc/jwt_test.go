package oidc

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// raw signs any header and payload text with HMAC-SHA-512.
func raw(header, payload, key string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha512.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

const hs512 = `{"typ":"JWT","alg":"HS512"}`

// forgeries are tokens that must not pass, made of claims that would.
func forgeries(t testing.TB, c claims) map[string]string {
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	payload := string(body)
	by := func(m jwt.SigningMethod, key any) string {
		s, err := jwt.NewWithClaims(m, jwt.MapClaims(c)).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := raw(hs512, payload, appSecret)
	parts := strings.Split(good, ".")
	out := map[string]string{
		"none":               by(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType),
		"none, signed":       raw(`{"alg":"none"}`, payload, appSecret),
		"HS256":              by(jwt.SigningMethodHS256, []byte(appSecret)),
		"HS384":              by(jwt.SigningMethodHS384, []byte(appSecret)),
		"RS256":              by(jwt.SigningMethodRS256, rsaKey),
		"RS512":              by(jwt.SigningMethodRS512, rsaKey),
		"PS256":              by(jwt.SigningMethodPS256, rsaKey),
		"ES256":              by(jwt.SigningMethodES256, ecKey),
		"empty key":          raw(hs512, payload, ""),
		"zero key":           raw(hs512, payload, strings.Repeat("\x00", 40)),
		"other key":          raw(hs512, payload, strings.Repeat("x", 40)),
		"shorter key":        raw(hs512, payload, appSecret[:39]),
		"lower-case key":     raw(hs512, payload, strings.ToLower(appSecret)),
		"key in base64":      raw(hs512, payload, base64.StdEncoding.EncodeToString([]byte(appSecret))),
		"client id as key":   raw(hs512, payload, clientID),
		"no signature":       parts[0] + "." + parts[1] + ".",
		"two parts":          parts[0] + "." + parts[1],
		"four parts":         good + ".x",
		"short signature":    good[:len(good)-4],
		"signature changed":  good[:len(good)-6] + "AAAAAA",
		"payload changed":    parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(payload, "300", "301", 1)+" ")) + "." + parts[2],
		"padded":             good + "==",
		"line break":         parts[0] + "\n." + parts[1] + "." + parts[2],
		"line break at end":  good + "\n",
		"space":              " " + good,
		"nested":             raw(`{"alg":"HS512","cty":"JWT"}`, `"`+good+`"`, appSecret),
		"nested as payload":  raw(hs512, good, appSecret),
		"null payload":       raw(hs512, "null", appSecret),
		"array payload":      raw(hs512, "["+payload+"]", appSecret),
		"string payload":     raw(hs512, `"x"`, appSecret),
		"broken payload":     raw(hs512, payload[:len(payload)-1], appSecret),
		"two payloads":       raw(hs512, payload+payload, appSecret),
		"empty payload":      raw(hs512, "", appSecret),
		"null header":        raw("null", payload, appSecret),
		"array header":       raw("[]", payload, appSecret),
		"no alg":             raw(`{"typ":"JWT"}`, payload, appSecret),
		"alg a number":       raw(`{"alg":512}`, payload, appSecret),
		"alg in lower case":  raw(`{"alg":"hs512"}`, payload, appSecret),
		"alg a list":         raw(`{"alg":["HS512"]}`, payload, appSecret),
		"typ at+jwt":         raw(`{"alg":"HS512","typ":"at+jwt"}`, payload, appSecret),
		"JWE":                parts[0] + "." + parts[1] + "." + parts[2] + "." + parts[1] + "." + parts[2],
		"not a token":        "token",
		"dots":               "..",
		"nothing":            "",
		"JSON serialization": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"deep claims":        raw(hs512, `{"a":`+strings.Repeat("[", 11000)+strings.Repeat("]", 11000)+`,`+payload[1:], appSecret),
	}
	for name, value := range map[string]string{"kid": `"../../dev/null"`, "kid SQL": `"x' UNION SELECT 'k"`, "kid key": `"` + clientID + `"`, "jku": `"https://evil.example/jwks"`, "jwk": `{"kty":"oct","k":"eA"}`,
		"x5u": `"https://evil.example/x"`, "x5c": `["x"]`, "b64": `false`, "crit": `["b64"]`, "crit empty": `[]`, "zip": `"DEF"`, "enc": `"A128GCM"`, "url": `"x"`, "nonce": `"x"`} {
		out["header "+name] = raw(`{"alg":"HS512","`+strings.Fields(name)[0]+`":`+value+`}`, payload, appSecret)
	}
	return out
}

// wrongTimes change the times of claims so that they must not pass.
func wrongTimes(now time.Time) map[string]claims {
	at := now.Unix()
	return map[string]claims{
		"no exp": {"exp": nil}, "exp null": {"exp": json.RawMessage("null")}, "exp past": {"exp": at - 61}, "exp just past": {"exp": float64(at) - 59.9 - 0.1}, "exp long past": {"exp": 0}, "exp negative": {"exp": -1},
		"exp far": {"exp": at + 3600 + 62}, "exp very far": {"exp": json.RawMessage("1e300")}, "exp too large": {"exp": json.RawMessage("1e400")}, "exp a word": {"exp": "soon"},
		"exp empty": {"exp": ""}, "exp a float in a string": {"exp": "1800000300.5"}, "exp a signed string": {"exp": "-1"}, "exp NaN": {"exp": "NaN"}, "exp hex": {"exp": "0x7fffffff"}, "exp a list": {"exp": []int64{at + 300}},
		"exp true": {"exp": true}, "exp an object": {"exp": claims{}}, "exp in milliseconds": {"exp": (at + 300) * 1000},
		"iat ahead": {"iat": at + 90}, "iat a word": {"iat": "now"}, "nbf ahead": {"nbf": at + 90},
	}
}

// AC-016 for /authorize.
func TestAC016RequestObjectsThatMustNotPass(t *testing.T) {
	w := newWorld(t)
	check := func(name, token string) {
		t.Helper()
		w.refusedByPage(w.get(url.Values{"client_id": {clientID}, "request": {token}}), name)
	}
	for name, token := range forgeries(t, w.requestClaims()) {
		check(name, token)
	}
	for name, c := range wrongTimes(w.now) {
		check(name, signedBy(t, with(w.requestClaims(), c)))
	}
	for name, c := range map[string]claims{
		"iss of another": {"iss": otherID}, "client_id of another": {"client_id": otherID}, "sub of another": {"sub": otherID}, "iss in lower case": {"iss": strings.ToLower(clientID)},
		"iss a list": {"iss": []string{clientID}}, "aud of another": {"aud": "https://evil.example"}, "aud http": {"aud": "http://" + apiHost}, "aud with path": {"aud": "https://" + apiHost + "/x"},
		"aud of token": {"aud": "https://" + apiHost + tokenPath}, "aud suffix": {"aud": "https://" + apiHost + ".evil.example"}, "aud user": {"aud": "https://" + apiHost + "@evil.example"},
		"aud without scheme": {"aud": apiHost}, "aud other port": {"aud": "https://" + apiHost + ":8443"}, "two auds": {"aud": []string{"https://" + apiHost, "https://evil.example"}}, "no auds": {"aud": []string{}},
		"aud empty in list": {"aud": []string{""}}, "aud a number": {"aud": 1}, "aud an object": {"aud": claims{}}, "state a number": {"state": 1234567890123456789}, "name a list": {"duo_uname": []string{"alice"}},
		"duo_code a number": {"use_duo_code_attribute": 1}, "duo_code a word": {"use_duo_code_attribute": "yes"}, "jti overlong": {"jti": strings.Repeat("j", 1025)}, "jti a number": {"jti": 7},
	} {
		check(name, signedBy(t, with(w.requestClaims(), c)))
	}
	for name, query := range map[string]url.Values{
		"an unknown client": {"client_id": {"DIXXXXXXXXXX12345678"}}, "another client, same key": {"client_id": {otherID}}, "an overlong client": {"client_id": {strings.Repeat("D", 2000)}},
		"a client in lower case": {"client_id": {strings.ToLower(clientID)}}, "SQL": {"client_id": {"' OR 1=1; --' OR 1=1"}},
	} {
		query.Set("request", signedBy(t, w.requestClaims()))
		w.refusedByPage(w.get(query), name)
	}
	w.refusedByPage(w.get(url.Values{"client_id": {clientID}}), "no request object")
	w.refusedByPage(w.get(url.Values{"client_id": {clientID}, "redirect_uri": {callback}, "state": {state}, "response_type": {"code"}, "scope": {"openid"}, "duo_uname": {"alice"}}), "an unsigned request")
	rec := w.get(url.Values{"client_id": {clientID}, "request": {raw(hs512, `{"x":"`+strings.Repeat("x", 1<<20)+`"}`, appSecret)}})
	w.refusedByPage(rec, "1 MB")
	// An assertion or id_token is no request object.
	w.refusedByPage(w.authorize(w.assertionClaims(tokenPath)), "a client assertion")
}

// AC-016 for health_check and token.
func TestAC016AssertionsThatMustNotPass(t *testing.T) {
	for _, path := range []string{"/oauth/v1/health_check", tokenPath} {
		w := newWorld(t)
		w.begins(w.authorize(w.requestClaims()))
		_, code := w.finish(0)
		check := func(name, client, token string) {
			t.Helper()
			form := w.tokenForm(code)
			form.Set("client_id", client)
			form.Set("client_assertion", token)
			rec := w.post(path, form)
			m := decode(t, rec)
			if rec.Code != 400 || m["message"] != "invalid_client" && m["error"] != "invalid_client" {
				t.Errorf("%s, %s: %d %s", path, name, rec.Code, rec.Body)
			}
		}
		for name, token := range forgeries(t, w.assertionClaims(path)) {
			check(name, clientID, token)
		}
		for name, c := range wrongTimes(w.now) {
			check(name, clientID, signedBy(t, with(w.assertionClaims(path), c)))
		}
		other := "/oauth/v1/health_check"
		if path == other {
			other = tokenPath
		}
		for name, c := range map[string]claims{
			"no iss": {"iss": nil}, "no sub": {"sub": nil}, "no aud": {"aud": nil}, "no jti": {"jti": nil}, "empty jti": {"jti": ""}, "overlong jti": {"jti": strings.Repeat("j", 1025)}, "iss of another": {"iss": otherID},
			"sub of another": {"sub": otherID}, "aud of the other address": {"aud": "https://" + apiHost + other}, "aud the host": {"aud": "https://" + apiHost}, "aud another host": {"aud": "https://evil.example" + path},
			"aud a prefix": {"aud": "https://evil.example/" + apiHost + path}, "aud with query": {"aud": "https://" + apiHost + path + "?"}, "aud with slash": {"aud": "https://" + apiHost + path + "/"}, "aud http": {"aud": "http://" + apiHost + path},
			"two auds": {"aud": []string{"https://" + apiHost + path, "https://" + apiHost + other}}, "aud an empty host": {"aud": "https://" + path},
		} {
			check(name, clientID, signedBy(t, with(w.assertionClaims(path), c)))
		}
		check("another client, same key", otherID, signedBy(t, w.assertionClaims(path)))
		check("an unknown client", "DIXXXXXXXXXX12345678", signedBy(t, with(w.assertionClaims(path), claims{"iss": "DIXXXXXXXXXX12345678", "sub": "DIXXXXXXXXXX12345678"})))
		check("a request object", clientID, signedBy(t, w.requestClaims()))
		if len(w.logins) != 1 {
			t.Error("a refused assertion used up the code")
		}
		if len(w.spent) != 0 {
			t.Error("a refused assertion spent its jti")
		}
		// A refused assertion looks the same for an unknown client and a wrong signature.
		form := w.tokenForm(code)
		form.Set("client_assertion", raw(hs512, "{}", "wrong"))
		wrong := w.post(path, form).Body.String()
		form.Set("client_id", "DIXXXXXXXXXX12345678")
		if unknown := w.post(path, form).Body.String(); unknown != wrong {
			t.Errorf("one can tell an unknown client: %s from %s", unknown, wrong)
		}
	}
}

// What must pass at the edges of time.
func TestTimesWithinSkewPass(t *testing.T) {
	for name, c := range map[string]claims{"exp 59 s ago": {"exp": -59}, "exp an hour and 59 s ahead": {"exp": 3659}, "iat 59 s ahead": {"exp": 300, "iat": 59}, "iat long ago": {"exp": 300, "iat": -86400}, "nbf 59 s ahead": {"exp": 300, "nbf": 59}} {
		w := newWorld(t)
		shifted := w.requestClaims()
		for k, v := range c {
			shifted[k] = w.now.Unix() + int64(v.(int))
		}
		if rec := w.authorize(shifted); rec.Code != 303 {
			t.Errorf("%s: %d", name, rec.Code)
		}
	}
}

func TestJTIIsGoodOnce(t *testing.T) {
	w := newWorld(t)
	form := url.Values{"client_id": {clientID}, "client_assertion": {signedBy(t, w.assertionClaims("/oauth/v1/health_check"))}}
	results := make(chan int)
	for range 8 {
		go func() { results <- w.post("/oauth/v1/health_check", form).Code }()
	}
	good := 0
	for range 8 {
		if <-results == 200 {
			good++
		}
	}
	if good != 1 {
		t.Errorf("one assertion passed %d times", good)
	}
	// A request object that carries one (C#'s) opens one sign-in; the others may be reloaded.
	c := with(w.requestClaims(), claims{"jti": "0123456789abcdef"})
	w.begins(w.authorize(c))
	if rec := w.authorize(c); rec.Code != 400 || rec.Body.String() != "<h1>oidc.used</h1>" || len(w.begun) != 1 {
		t.Errorf("a spent request: %d %s", rec.Code, rec.Body)
	}
	for range 2 {
		w.begins(w.authorize(w.requestClaims()))
	}
}

func TestClosedApplicationsAreTold403(t *testing.T) {
	for _, id := range []string{closedID, deletedID, unixID} {
		w := newWorld(t)
		c := with(w.assertionClaims("/oauth/v1/health_check"), claims{"iss": id, "sub": id})
		rec := w.post("/oauth/v1/health_check", url.Values{"client_id": {id}, "client_assertion": {signedBy(t, c)}})
		if m := decode(t, rec); rec.Code != 403 || m["stat"] != "FAIL" || m["code"] != 40301.0 || m["message_detail"] == "" || m["timestamp"] != float64(w.now.Unix()) {
			t.Errorf("%s: health_check %d %s", id, rec.Code, rec.Body)
		}
		r := httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?"+url.Values{"client_id": {id}, "request": {signedBy(t, with(w.requestClaims(), claims{"client_id": id, "iss": id}))}}.Encode(), nil)
		if rec := w.do(r); rec.Code != 403 || rec.Header().Get("Location") != "" || len(w.begun) != 0 {
			t.Errorf("%s: authorize %d", id, rec.Code)
		}
		form := w.tokenForm("x")
		form.Set("client_id", id)
		form.Set("client_assertion", signedBy(t, with(w.assertionClaims(tokenPath), claims{"iss": id, "sub": id})))
		if rec := w.post(tokenPath, form); rec.Code != 403 || decode(t, rec)["error"] != "unauthorized_client" {
			t.Errorf("%s: token %d %s", id, rec.Code, rec.Body)
		}
		// Without the right signature a closed client looks like an unknown one.
		form.Set("client_assertion", raw(hs512, fmt.Sprintf(`{"iss":%q}`, id), "wrong"))
		if rec := w.post(tokenPath, form); rec.Code != 400 || decode(t, rec)["error"] != "invalid_client" {
			t.Errorf("%s: token, wrong signature: %d", id, rec.Code)
		}
	}
}

func FuzzRequestObject(f *testing.F) {
	w := newWorld(f)
	for _, token := range forgeries(f, w.requestClaims()) {
		f.Add(token)
	}
	f.Add(signedBy(f, w.requestClaims()))
	f.Add(`{"exp":"1800000300","aud":["https://` + apiHost + `"],"redirect_uri":"https://a.example"}`)
	good := signedBy(f, w.requestClaims())
	f.Fuzz(func(t *testing.T, input string) {
		p := &params{values: map[string]string{"client_id": clientID, "request": input}}
		if _, _, refused := w.door.verifyRequest(t.Context(), p); refused == nil && input != good {
			t.Fatalf("%q passed", input)
		}
		// The same input as claims with a right signature: it may pass, it may not break.
		p.values["request"] = raw(hs512, input, appSecret)
		c, _, refused := w.door.verifyRequest(t.Context(), p)
		if refused == nil {
			if !wellFormed(c.RedirectURI) || !c.Expires.set {
				t.Fatalf("%q passed", input)
			}
			_, _ = remember(&c, p)
		} else if refused.status >= 500 || refused.err != nil {
			t.Fatalf("%q is blamed on us: %v", input, refused)
		}
	})
}
