package oidc

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/duosecurity/duo_universal_golang/duouniversal"
	"github.com/golang-jwt/jwt/v5"
)

// sdk is how one official client writes its requests (WIRE-5, J-01; C# and Java from
// their public source).
type sdk struct {
	name      string
	request   func(w *world) claims   // the signed request
	query     func(jwt string) string // of the authorize address
	assertion func(w *world, path string) claims
	post      func(path string, form url.Values) *http.Request
	token     func(form url.Values) url.Values // what it sends of the token form
	codeName  string
	nonce     string
	jwtHeader map[string]any
}

func formPost(path string, form url.Values) *http.Request {
	r := httptest.NewRequest("POST", "https://"+apiHost+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

func chunkedPost(path string, form url.Values) *http.Request {
	r := httptest.NewRequest("POST", "https://"+apiHost+path, io.MultiReader(strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.ContentLength = -1
	return r
}

func queryPost(path string, form url.Values) *http.Request {
	return httptest.NewRequest("POST", "https://"+apiHost+path+"?"+form.Encode(), nil)
}

func multipartPost(path string, form url.Values) *http.Request {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name := range form {
		_ = m.WriteField(name, form.Get(name))
	}
	_ = m.Close()
	r := httptest.NewRequest("POST", "https://"+apiHost+path, &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	return r
}

func plainQuery(token string) string {
	return url.Values{"response_type": {"code"}, "client_id": {clientID}, "request": {token}}.Encode()
}

func copiedQuery(token string) string {
	return plainQuery(token) + "&redirect_uri=" + url.QueryEscape(callback) + "&scope=openid"
}

func sdks() []sdk {
	same := func(form url.Values) url.Values { return form }
	plain := func(w *world) claims { return w.requestClaims() }
	assert := func(w *world, path string) claims { return w.assertionClaims(path) }
	typed, bare := map[string]any{"alg": "HS512", "typ": "JWT"}, map[string]any{"alg": "HS512"}
	return []sdk{
		{"go", func(w *world) claims {
			return with(w.requestClaims(), claims{"aud": []string{"https://" + apiHost}})
		}, plainQuery, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"aud": []string{"https://" + apiHost + path}})
		}, chunkedPost, same, "duo_code", "", typed},
		{"python", func(w *world) claims {
			return with(w.requestClaims(), claims{"exp": float64(w.now.Unix()) + 299.625})
		}, func(t string) string { return plainQuery(t) + "&nonce=python-nonce-0123456789" }, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"exp": float64(w.now.Unix()) + 299.625})
		}, queryPost, same, "duo_code", "python-nonce-0123456789", typed},
		{"node", plain, copiedQuery, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"iat": w.now.Unix()})
		}, formPost, same, "duo_code", "", bare},
		{"java 1.1", func(w *world) claims {
			return with(w.requestClaims(), claims{"iss": nil, "aud": nil, "exp": w.now.Unix() + 3600})
		}, func(t string) string { // redirect_uri not encoded
			return "scope=openid&response_type=code&redirect_uri=" + strings.ReplaceAll(callback, "&", ";") + "%zz&client_id=" + clientID + "&request=" + t
		}, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"exp": w.now.Unix() + 3600, "jti": "0123456789abcdef0123456789abcdef"[:20] + path[10:]})
		}, formPost, func(form url.Values) url.Values { form.Del("client_id"); return form }, "duo_code", "", typed},
		{"java 1.3", func(w *world) claims {
			return with(w.requestClaims(), claims{"prompt": "login", "max_age": 0, "display_username": "Al", "dest_app_name": "Wiki"})
		}, copiedQuery, assert, formPost, func(form url.Values) url.Values { form.Del("client_id"); return form }, "duo_code", "", typed},
		{"php", plain, copiedQuery, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"iat": w.now.Unix()})
		}, multipartPost, same, "duo_code", "", typed},
		{"csharp", func(w *world) claims { // every claim is a string, aud is the whole address, there is a jti
			return with(w.requestClaims(), claims{"exp": strconv.FormatInt(w.now.Unix()+300, 10), "aud": "https://" + apiHost + "/oauth/v1/authorize",
				"jti": "csharp-jti-é-0123456789", "use_duo_code_attribute": nil})
		}, plainQuery, func(w *world, path string) claims {
			return with(w.assertionClaims(path), claims{"exp": strconv.FormatInt(w.now.Unix()+300, 10)})
		}, formPost, same, "code", "", bare},
		{"csharp with duo_code", func(w *world) claims {
			return with(w.requestClaims(), claims{"exp": strconv.FormatInt(w.now.Unix()+300, 10), "aud": "https://" + apiHost + "/oauth/v1/authorize",
				"jti": "csharp-jti-0123456789", "use_duo_code_attribute": "true"})
		}, plainQuery, assert, formPost, same, "duo_code", "", bare},
	}
}

func TestEverySDKSignsIn(t *testing.T) {
	for _, k := range sdks() {
		t.Run(k.name, func(t *testing.T) {
			w := newWorld(t)
			sign := func(c claims) string {
				tok := jwt.NewWithClaims(jwt.SigningMethodHS512, jwt.MapClaims(c))
				tok.Header = k.jwtHeader
				s, err := tok.SignedString([]byte(appSecret))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			health := w.do(k.post("/oauth/v1/health_check", url.Values{"client_id": {clientID}, "client_assertion": {sign(k.assertion(w, "/oauth/v1/health_check"))}}))
			var ok duouniversal.HealthCheckResponse
			if err := json.Unmarshal(health.Body.Bytes(), &ok); err != nil || health.Code != 200 || ok.Stat != "OK" || int64(ok.Response.Time) != w.now.Unix() {
				t.Fatalf("health check: %d %s", health.Code, health.Body)
			}
			r := httptest.NewRequest("GET", "https://"+apiHost+"/oauth/v1/authorize?"+k.query(sign(k.request(w))), nil)
			r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36")
			begun := w.begins(w.do(r))
			if begun.Username != "Alice@Example.com" || begun.IP.String() != "192.0.2.7" {
				t.Errorf("flow was told %+v", begun)
			}
			back, code := w.finish(0)
			if q := back.Query(); q.Get("state") != state || q.Get(k.codeName) != code || q.Get("keep") != "1" || q.Get("x") != "a b" || len(q) != 4 {
				t.Errorf("way back: %s", back)
			}
			form := w.tokenForm(code)
			form.Set("client_assertion", sign(k.assertion(w, tokenPath)))
			rec := w.do(k.post(tokenPath, k.token(form)))
			if rec.Code != 200 {
				t.Fatalf("token: %d %s\n%s", rec.Code, rec.Body, w.log.String())
			}
			checkTokens(t, w, rec, k.nonce)
		})
	}
}

// checkTokens decodes the answer with the Go SDK's own types, the strictest of the six.
func checkTokens(t *testing.T, w *world, rec *httptest.ResponseRecorder, nonce string) {
	t.Helper()
	var body duouniversal.BodyToken
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil || body.AccessToken == "" || body.ExpiresIn <= 0 || body.TokenType != "Bearer" {
		t.Fatalf("answer %s: %v", rec.Body, err)
	}
	parts := strings.Split(body.IdToken, ".")
	if _, err := jwt.Parse(body.IdToken, func(*jwt.Token) (any, error) { return []byte(appSecret), nil },
		jwt.WithValidMethods([]string{"HS512"}), jwt.WithTimeFunc(w.door.Now), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
		jwt.WithAudience(clientID), jwt.WithIssuer("https://"+apiHost+"/oauth/v1/token")); err != nil {
		t.Fatalf("id_token: %v", err)
	}
	raw, err := jwt.NewParser().DecodeSegment(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var strict duouniversal.TokenResponse
	if err := json.Unmarshal(raw, &strict); err != nil {
		t.Fatalf("the Go SDK cannot decode %s: %v", raw, err)
	}
	if strict.PreferredUsername != "Alice@Example.com" || strict.Nonce != nonce || strict.Subject != "alice" || strict.AuthResult.Result != "allow" ||
		strict.AuthContext.Txid == "" || strict.AuthContext.Factor != "verified_duo_push" || strict.AuthContext.User.Groups == nil ||
		strict.AuthContext.AuthDevice.Name != "Alice's phone" || strict.AuthContext.AccessDevice.Ip != "192.0.2.7" ||
		strict.AuthContext.AccessDevice.Browser != "Chrome" || strict.AuthContext.AccessDevice.IsPasswordSet != duouniversal.Unknown ||
		strict.AuthContext.Isotimestamp != "2027-01-15T08:00:00.123456+00:00" {
		t.Errorf("id_token says %+v", strict)
	}
	if bytes.Contains(raw, []byte(`"aud":[`)) {
		t.Error("aud is an array, which Java does not read")
	}
}

// The application must find the name as it sent it, the flow decides about the normalized one.
func TestNameComesBackLetterByLetter(t *testing.T) {
	for _, name := range []string{"ALICE", "CORP\\Älice", "a&b<c>\u2028 \"x\"", " alice "} {
		w := newWorld(t)
		w.begins(w.authorize(with(w.requestClaims(), claims{"duo_uname": name})))
		_, code := w.finish(0)
		var body duouniversal.BodyToken
		if err := json.Unmarshal(w.post(tokenPath, w.tokenForm(code)).Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		parsed, _, err := jwt.NewParser().ParseUnverified(body.IdToken, jwt.MapClaims{})
		if err != nil || parsed.Claims.(jwt.MapClaims)["preferred_username"] != name {
			t.Errorf("%q came back as %v (%v)", name, parsed.Claims, err)
		}
	}
}

// The issuer is spelled as the client has it configured, with its port and case (WIRE-4).
func TestIssuerIsTheHostAsTheClientCallsIt(t *testing.T) {
	for _, c := range []struct{ host, called string }{
		{apiHost, apiHost}, {apiHost + ":443", apiHost + ":443"}, {apiHost, apiHost + ":443"}, {strings.ToUpper(apiHost), "API-1234.example.com"},
		{"localhost:8443", "localhost:8443"}, {"localhost:8443", "localhost"},
	} {
		w := newWorld(t)
		w.begins(w.authorize(w.requestClaims()))
		_, code := w.finish(0)
		form := w.tokenForm(code)
		form.Set("client_assertion", signedBy(t, with(w.assertionClaims(tokenPath), claims{"aud": "https://" + c.called + tokenPath})))
		r := formPost(tokenPath, form)
		r.Host = c.host
		var body duouniversal.BodyToken
		if err := json.Unmarshal(w.do(r).Body.Bytes(), &body); err != nil || body.IdToken == "" {
			t.Fatalf("%v: %v", c, err)
		}
		parsed, _, _ := jwt.NewParser().ParseUnverified(body.IdToken, jwt.MapClaims{})
		if iss := parsed.Claims.(jwt.MapClaims)["iss"]; iss != "https://"+c.called+tokenPath {
			t.Errorf("%v: iss is %v", c, iss)
		}
	}
}

func TestSignedNonceWinsOverTheQuery(t *testing.T) {
	w := newWorld(t)
	request := signedBy(t, with(w.requestClaims(), claims{"nonce": "signed-nonce-0123456789"}))
	w.begins(w.get(url.Values{"client_id": {clientID}, "request": {request}, "nonce": {"query-nonce-0123456789"}, "state": {"another-state-0123456789"},
		"redirect_uri": {"https://evil.example/"}, "scope": {"email"}, "response_type": {"token"}}))
	back, _ := w.finish(0)
	if back.Host != "app.example" || back.Query().Get("state") != state || !strings.Contains(string(w.begun[0].DoorState), "signed-nonce") {
		t.Errorf("unsigned copies were used: %s %s", back, w.begun[0].DoorState)
	}
}
