package parity

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/base/id"
	"countersign/internal/domain/application"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// What a door takes the sender of a request for, by its secret.
const (
	welcome  = "welcome"
	refused  = "refused" // 403: a host that fails open lets nobody in
	stranger = "stranger"
)

// entrances are the calls by which a twin's door verifies a secret, each with whom it takes the caller for.
func (t *twin) entrances() map[string]func() (string, error) {
	all := map[string]func() (string, error){}
	signed := func(name, method, path string, v duosign.Version, d duosign.Digest, params url.Values) {
		all[name] = func() (string, error) { return t.signed(method, path, v, d, params) }
	}
	switch t.door {
	case "oidc":
		until := t.Clock.Now().Add(4 * time.Minute).Unix()
		proof := func(path string) url.Values {
			return values("client_id", t.app.ID, "client_assertion", t.token(map[string]any{"iss": t.app.ID, "sub": t.app.ID, "aud": t.URL + path, "exp": until, "jti": id.Token(rand.Reader, 20)}),
				"grant_type", "authorization_code", "code", "none", "redirect_uri", callback, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		}
		for _, path := range []string{"/oauth/v1/health_check", "/oauth/v1/token"} {
			all[path] = func() (string, error) { return t.browse("POST", path, proof(path)) }
		}
		all["/oauth/v1/authorize"] = func() (string, error) {
			return t.browse("GET", "/oauth/v1/authorize", values("response_type", "code", "client_id", t.app.ID, "request", t.token(map[string]any{"scope": "openid",
				"redirect_uri": callback, "client_id": t.app.ID, "iss": t.app.ID, "aud": "https://" + t.APIHost, "exp": until, "state": id.Token(rand.Reader, 20), "response_type": "code",
				"duo_uname": t.typed})))
		}
	case "frame":
		for _, prefix := range []string{"TX", "ENROLL_REQUEST"} {
			all[prefix] = func() (string, error) {
				plain := fmt.Sprintf("%s|%s|%d", t.typed, t.app.ID, t.Clock.Now().Add(4*time.Minute).Unix())
				cookie := prefix + "|" + base64.StdEncoding.EncodeToString([]byte(plain))
				return t.browse("GET", "/frame/web/v1/auth", values("tx", cookie+"|"+hex.EncodeToString(mac(sha1.New, t.skey, cookie)), "parent", "https://benefits.example.edu/login"))
			}
		}
	case "auth", "menu":
		person := values("username", t.typed, "ipaddr", address)
		for v, digest := range map[duosign.Version]duosign.Digest{duosign.V2: duosign.SHA1, duosign.V4: duosign.SHA512, duosign.V5: duosign.SHA512} {
			signed(fmt.Sprint("/auth/v2/preauth ", v), "POST", "/auth/v2/preauth", v, digest, person)
		}
		signed("/auth/v2/check", "GET", "/auth/v2/check", duosign.V2, duosign.SHA512, nil)
		signed("/auth/v2/check 5", "GET", "/auth/v2/check", duosign.V5, duosign.SHA512, nil)
	default:
		person := values("user", t.typed, "ipaddr", address, "failmode", "open", "hostname", "web1")
		for v, digest := range map[duosign.Version]duosign.Digest{duosign.V1: duosign.SHA1, duosign.V2: duosign.SHA512} {
			signed(fmt.Sprint("preauth ", v), "POST", "/rest/v1/preauth."+t.door, v, digest, person)
		}
	}
	return all
}

// signed sends a request that is signed in any version, and tells whom the door takes the caller for.
func (t *twin) signed(method, path string, v duosign.Version, d duosign.Digest, params url.Values) (string, error) {
	s := duosign.Request{Method: method, Host: t.APIHost, Path: path, Header: http.Header{}}
	kind := "application/x-www-form-urlencoded"
	switch {
	case method == "GET":
	case v >= duosign.V4:
		kind, s.Body = "application/json", []byte(`{"username":"`+params.Get("username")+`"}`)
	default:
		s.Form, s.Body = params, []byte(params.Encode())
	}
	r, err := http.NewRequestWithContext(t.t.Context(), method, t.URL+path, bytes.NewReader(s.Body))
	if err != nil {
		return "", err
	}
	if v.Dated() {
		s.Date = t.Clock.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0000")
		r.Header.Set("Date", s.Date)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Authorization", duosign.Credentials{Key: t.app.ID, Signature: duosign.Sign(s, v, d, t.skey)}.Header())
	return t.taken(t.api.Do(r))
}

func (t *twin) browse(method, path string, params url.Values) (string, error) {
	target, body := t.URL+path, ""
	if method == "GET" {
		target += "?" + params.Encode()
	} else {
		body = params.Encode()
	}
	r, err := http.NewRequestWithContext(t.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := *t.api
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if t.door == "oidc" {
		r.Header.Set("Accept", "application/json")
	}
	return t.taken(client.Do(r))
}

func (t *twin) taken(res *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return "", err
	case res.StatusCode == http.StatusUnauthorized, strings.Contains(string(raw), "invalid_client"), t.door == "frame" && res.StatusCode == http.StatusBadRequest:
		return stranger, nil
	case res.StatusCode == http.StatusForbidden:
		return refused, nil
	case res.StatusCode == http.StatusOK, res.StatusCode == http.StatusSeeOther, strings.Contains(string(raw), "invalid_grant"):
		return welcome, nil
	}
	return "", fmt.Errorf("%d %s", res.StatusCode, raw)
}

// RULE-34: a secret that was reset works beside the new one for as long as the administrator said. Afterwards its holder is
// one whom we know and refuse: taken for a stranger, a host that fails open would let its people in.
func TestASecretThatWasResetOpensNoHostAndIsNoStrangers(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		w := &world{Program: testkit.Start(t, database), t: t}
		w.api = w.Client()
		twins, err := w.plant(1, situation{known: true, spelling: "%s", ask: nothing, policy: policy.Policy{Authentication: policy.AuthenticationBypass},
			person: user.User{Status: user.Active, Created: w.Clock.Now()}}, doors)
		if err != nil {
			t.Fatal(err)
		}
		for i, twin := range twins {
			t.Run(doors[i].name, func(t *testing.T) { twin.resets(t, doors[i]) })
		}
	})
}

func (t *twin) resets(tt *testing.T, d door) {
	ctx := tt.Context()
	var secrets []string // of the application, in their order
	secrets = append(secrets, t.skey)
	reset := func(overlap time.Duration) {
		tt.Helper()
		_, plain, err := t.Directory.ResetSecret(ctx, directory.CommandLine, t.app.ID, overlap)
		if err != nil {
			tt.Fatal(err)
		}
		secrets = append(secrets, plain.Reveal())
	}
	// are says whom the holders of the secrets are taken for, and whoever has another one.
	are := func(when string, want ...string) {
		tt.Helper()
		for n, secret := range append(slices.Clone(secrets), strings.Repeat("x", 40)) {
			t.skey = secret
			for name, call := range t.entrances() {
				if got, err := call(); err != nil || got != want[n] {
					tt.Errorf("%s, %s: the holder of secret %d is %s, want %s (%v)", when, name, n, got, want[n], err)
				}
			}
			t.Clock.Advance(2 * time.Second) // the next one is no repetition
		}
	}
	signsIn := func(n int) {
		tt.Helper()
		t.skey = secrets[n]
		if got, err := d.knock(t); err != nil || got != allowed {
			tt.Errorf("the holder of secret %d: %s, %v", n, got, err)
		}
	}
	are("at first", welcome, stranger)
	reset(24 * time.Hour)
	are("while both work", welcome, welcome, stranger)
	signsIn(0)
	signsIn(1)
	t.Clock.Advance(24 * time.Hour)
	are("afterwards", refused, welcome, stranger)
	signsIn(1)
	reset(0)
	are("at once", refused, refused, welcome, stranger)
	reset(7 * 24 * time.Hour)
	reset(time.Hour)
	are("twice", refused, refused, welcome, welcome, welcome, stranger)
	reset(0)
	are("which ends all before", refused, refused, refused, refused, refused, welcome, stranger)
	off := true
	if _, err := t.Directory.SetApplication(ctx, directory.CommandLine, t.app.ID, directory.ApplicationChange{Disabled: &off}); err != nil {
		tt.Fatal(err)
	}
	are("turned off", refused, refused, refused, refused, refused, refused, stranger)
	if err := t.Directory.DeleteApplication(ctx, directory.CommandLine, t.app.ID); err != nil {
		tt.Fatal(err)
	}
	nobody := refused // programs are told without a look at their signature
	if d.kind == application.TypeWebSDK || d.kind == application.TypeWebSDK2 {
		nobody = stranger
	}
	are("deleted", refused, refused, refused, refused, refused, refused, nobody)
}
