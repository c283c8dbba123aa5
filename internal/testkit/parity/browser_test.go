package parity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strings"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/testkit"
)

const callback = "https://payroll.example.edu/callback"

func mac(h func() hash.Hash, key, text string) []byte {
	m := hmac.New(h, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// token returns a JWT of the claims, signed with HS512 and the application's secret. The official client is not used
// because it reads the machine's clock, and the program's is ahead of that.
func (t *twin) token(claims map[string]any) string {
	raw, err := json.Marshal(claims)
	if err != nil {
		panic(err) // texts and numbers always encode
	}
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"HS512","typ":"JWT"}`)) + "." + b64(raw)
	return text + "." + b64(mac(sha512.New, t.skey, text))
}

// universal signs in at the OIDC door with the Universal Prompt, in a browser without scripts.
func universal(t *twin) (decision, error) {
	v := t.Visitor()
	until := t.Clock.Now().Add(4 * time.Minute).Unix()
	v.Open("/oauth/v1/authorize?response_type=code&client_id=" + t.app.ID + "&request=" + t.token(map[string]any{"scope": "openid", "redirect_uri": callback,
		"client_id": t.app.ID, "iss": t.app.ID, "aud": "https://" + t.APIHost, "exp": until, "state": id.Token(rand.Reader, 20), "nonce": id.Token(rand.Reader, 20),
		"response_type": "code", "duo_uname": t.typed, "use_duo_code_attribute": true}))
	switch {
	case v.Left != nil:
		return t.redeem(v)
	case v.Status == http.StatusForbidden:
		return denied, nil
	case strings.HasSuffix(v.At.Path, "/enroll"):
		return enrolls, nil
	case !strings.HasPrefix(v.At.Path, "/prompt/"):
		return "", fmt.Errorf("at %s (%d): %s", v.At, v.Status, v.Page)
	}
	at := strings.Join(strings.Split(v.At.Path, "/")[:3], "/")
	if err := t.prove(v, at); err != nil || t.ask == nothing {
		return challenged, err
	}
	if v.Left == nil {
		v.Open(at)
	}
	if v.Left == nil && strings.Contains(v.Page, `action="`+at+`/continue"`) {
		v.Send(at + "/continue")
	}
	if v.Left == nil {
		return denied, nil
	}
	return t.redeem(v)
}

// prove does what the person does on a page of either prompt whose path begins with at.
func (t *twin) prove(v *testkit.Visitor, at string) error {
	switch {
	case t.ask == nothing:
		return nil
	case !t.ask.push():
		if err := t.interfere(); err != nil {
			return err
		}
		v.Send(at+"/code", "code", t.code)
		return nil
	}
	_, p, err := t.waiting()
	if err != nil {
		return err
	}
	if p == nil {
		device := "none"
		for _, d := range t.phones {
			if d.app {
				device = d.id
				break
			}
		}
		v.Send(at+"/push", "device", device)
		if _, p, err = t.waiting(); err != nil || p == nil {
			return err // no request was sent because it was refused
		}
	}
	if err := t.answer(); err != nil {
		return err
	}
	return t.settled()
}

// redeem exchanges the code in the redirect for the result, as the application does.
func (t *twin) redeem(v *testkit.Visitor) (decision, error) {
	proof := t.token(map[string]any{"iss": t.app.ID, "sub": t.app.ID, "aud": t.URL + "/oauth/v1/token", "exp": t.Clock.Now().Add(time.Minute).Unix(), "jti": id.Token(rand.Reader, 20)})
	res, err := t.api.PostForm(t.URL+"/oauth/v1/token", values("grant_type", "authorization_code", "code", v.Left.Query().Get("duo_code"), "redirect_uri", callback,
		"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", proof))
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("token: %d %s", res.StatusCode, raw)
	}
	var answer struct {
		IDToken string `json:"id_token"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return "", err
	}
	at := strings.LastIndexByte(answer.IDToken, '.')
	if at < 0 || base64.RawURLEncoding.EncodeToString(mac(sha512.New, t.skey, answer.IDToken[:at])) != answer.IDToken[at+1:] {
		return "", errors.New("the id_token is not signed with the secret that its caller has")
	}
	return allowed, nil
}

// answered reads the answer that a page of the frame hands to its parent.
func (t *twin) answered(page string) (decision, error) {
	_, answer, _ := strings.Cut(page, `data-answer="`)
	answer, _, _ = strings.Cut(answer, `"`)
	at := strings.LastIndexByte(answer, '|')
	if at < 0 || hex.EncodeToString(mac(sha1.New, t.skey, answer[:at])) != answer[at+1:] {
		return "", errors.New("the answer is not signed with the secret that its caller has")
	}
	return allowed, nil
}

// framed signs in with the traditional prompt in its frame.
func framed(t *twin) (decision, error) {
	v := t.Visitor()
	plain := fmt.Sprintf("%s|%s|%d", t.typed, t.app.ID, t.Clock.Now().Add(4*time.Minute).Unix())
	cookie := "TX|" + base64.StdEncoding.EncodeToString([]byte(plain))
	tx := cookie + "|" + hex.EncodeToString(mac(sha1.New, t.skey, cookie))
	v.Open("/frame/web/v1/auth?" + values("tx", tx, "parent", "https://benefits.example.edu/login", "v", "2.9").Encode())
	switch screen := v.Screen(); {
	case strings.Contains(v.Page, `data-answer="AUTH|`):
		return t.answered(v.Page)
	case v.Status == http.StatusForbidden:
		return denied, nil
	case strings.HasPrefix(screen, "setup-"):
		return enrolls, nil
	case screen != "frame-prompt":
		return "", fmt.Errorf("at %s (%d): %s", v.At, v.Status, v.Page)
	}
	at := strings.Join(strings.Split(v.At.Path, "/")[:3], "/")
	if t.code != "" {
		v.Open(at + "?code=1") // where the button for the code field leads
	}
	if err := t.prove(v, at); err != nil || t.ask == nothing {
		return challenged, err
	}
	// The page shows the answer once. After a code it is already there.
	if !strings.Contains(v.Page, `data-answer="`) && v.Screen() != "frame-recovered" {
		v.Open(at)
	}
	if v.Screen() == "frame-recovered" {
		v.Send(at + "/continue")
	}
	if strings.Contains(v.Page, `data-answer="AUTH|`) {
		return t.answered(v.Page)
	}
	return denied, nil
}
