package parity

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/base/duosign"
	"countersign/internal/domain/application"
)

// door is one way into the program. knock makes a whole attempt and returns the decision that the application gets.
type door struct {
	name  string
	kind  application.Type
	plain bool // never shows a number
	knock func(t *twin) (decision, error)
}

// decision is what the application learns from one attempt.
type decision string

const (
	allowed    decision = "allow"
	denied     decision = "deny"
	enrolls    decision = "enroll"
	challenged decision = "challenge" // the person is asked for a proof and has none
)

var doors = []door{
	{"oidc", application.TypeWebSDK, false, universal},
	{"frame", application.TypeWebSDK2, false, framed},
	{"auth", application.TypeAuthAPI, false, (*twin).authAPI},
	{"bson", application.TypeUnix, true, func(t *twin) (decision, error) { return t.legacy(".bson") }},
	{"json", application.TypeUnix, true, func(t *twin) (decision, error) { return t.legacy(".json") }},
	{"menu", application.TypeUnix, false, (*twin).terminal},
}

// call sends a signed request and returns the response object. An answer without one is the error refusal.
func (t *twin) call(v duosign.Version, digest duosign.Digest, method, path string, params url.Values) (map[string]any, error) {
	s := duosign.Request{Method: method, Host: t.APIHost, Path: path}
	target, body := t.URL+path, io.Reader(nil)
	if method == "GET" {
		s.Query = params
		target += "?" + params.Encode()
	} else {
		s.Form, body = params, strings.NewReader(params.Encode())
	}
	r, err := http.NewRequestWithContext(t.t.Context(), method, target, body)
	if err != nil {
		return nil, err
	}
	if v != duosign.V1 {
		s.Date = t.Clock.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0000")
		r.Header.Set("Date", s.Date)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", duosign.Credentials{Key: t.app.ID, Signature: duosign.Sign(s, v, digest, t.skey)}.Header())
	res, err := t.api.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	var all map[string]any
	if res.Header.Get("Content-Type") == "application/bson" {
		all, err = readBSON(raw)
	} else {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("%s %d %q: %w", path, res.StatusCode, raw, err)
	}
	answer, ok := all["response"].(map[string]any)
	if !ok {
		return nil, refusal{res.StatusCode, string(raw)}
	}
	return answer, nil
}

// refusal is an answer without a response object, as an error.
type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.body) }

// readBSON reads a BSON document of strings, documents and int32 numbers.
func readBSON(b []byte) (map[string]any, error) {
	bad := errors.New("malformed BSON")
	if len(b) < 5 || int(binary.LittleEndian.Uint32(b)) != len(b) || b[len(b)-1] != 0 {
		return nil, bad
	}
	all := map[string]any{}
	for b = b[4 : len(b)-1]; len(b) > 0; {
		kind := b[0]
		key, rest, ok := strings.Cut(string(b[1:]), "\x00")
		if !ok || len(rest) < 4 {
			return nil, bad
		}
		b = []byte(rest)
		n := int(binary.LittleEndian.Uint32(b))
		switch kind {
		case 0x02:
			if n < 1 || 4+n > len(b) {
				return nil, bad
			}
			all[key], b = string(b[4:4+n-1]), b[4+n:]
		case 0x03:
			if n > len(b) {
				return nil, bad
			}
			inner, err := readBSON(b[:n])
			if err != nil {
				return nil, err
			}
			all[key], b = inner, b[n:]
		case 0x10:
			all[key], b = n, b[4:]
		default:
			return nil, bad
		}
	}
	return all, nil
}

// final reads an answer that must hold a final result.
func final(answer map[string]any) (decision, error) {
	switch answer["result"] {
	case "allow":
		return allowed, nil
	case "deny":
		return denied, nil
	}
	return "", fmt.Errorf("no decision: %v", answer)
}

func values(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v
}

// gate reads the answer of preauth. done means that the attempt ends there.
func (t *twin) gate(answer map[string]any, err error) (d decision, done bool, _ error) {
	if err != nil {
		return "", true, err
	}
	switch answer["result"] {
	case "auth":
		return challenged, t.ask == nothing, nil
	case "enroll":
		return enrolls, true, nil
	}
	d, err = final(answer)
	return d, true, err
}

// result makes the rest of an attempt and returns its decision. send calls auth and status calls its status call.
func (t *twin) result(send func(async bool) (map[string]any, error), status func(txid string) (map[string]any, error)) (decision, error) {
	if t.ask.push() && t.blocking {
		return t.block(send)
	}
	if !t.ask.push() {
		if err := t.interfere(); err != nil {
			return "", err
		}
	}
	answer, err := send(true)
	if err != nil {
		return "", err
	}
	txid, _ := answer["txid"].(string)
	if txid == "" {
		return final(answer)
	}
	if t.ask.push() {
		if _, p, err := t.waiting(); err != nil || p == nil { // refused at once
			answer, status := status(txid)
			return decide(answer, status)
		}
		if err := t.answer(); err != nil {
			return "", err
		}
	}
	for range 15 {
		if answer, err = status(txid); err != nil {
			return "", err
		}
		if r := answer["result"]; r == "allow" || r == "deny" {
			return final(answer)
		}
	}
	return "", fmt.Errorf("still %v after many questions", answer)
}

func decide(answer map[string]any, err error) (decision, error) {
	if err != nil {
		return "", err
	}
	return final(answer)
}

// block is result for a program that waits in auth itself and calls no status.
func (t *twin) block(send func(async bool) (map[string]any, error)) (decision, error) {
	type outcome struct {
		answer map[string]any
		err    error
	}
	done := make(chan outcome, 1)
	go func() {
		answer, err := send(false)
		done <- outcome{answer, err}
	}()
	for {
		select {
		case o := <-done:
			return decide(o.answer, o.err)
		case <-time.After(2 * time.Millisecond):
		}
		if _, p, err := t.waiting(); err != nil || p == nil {
			continue
		}
		if err := t.answer(); err != nil {
			return "", err
		}
		o := <-done
		return decide(o.answer, o.err)
	}
}

func (t *twin) flag(v url.Values, async bool) url.Values {
	if async {
		v.Set("async", "1")
	}
	return v
}

// incapable reports the Auth API's answer to a request that no phone can take now.
func incapable(err error) bool {
	var r refusal
	return errors.As(err, &r) && r.status == 400 && strings.Contains(r.body, "no capable device")
}

// authAPI signs in as an application with the Auth API does. It fails if the number on the phone is another than the
// one that preauth returned.
func (t *twin) authAPI() (decision, error) {
	params := values("username", t.typed, "ipaddr", address)
	number := ""
	if !t.straight {
		ask := values("username", t.typed, "ipaddr", address, "client_supports_verified_push", "1")
		answer, err := t.call(duosign.V2, duosign.SHA512, "POST", "/auth/v2/preauth", ask)
		if d, done, err := t.gate(answer, err); done {
			return d, err
		}
		if txid, _ := answer["txid"].(string); txid != "" {
			params.Set("txid", txid)
			number, _ = answer["verification_code"].(string)
		}
	}
	params.Set("factor", "passcode")
	params.Set("passcode", t.code)
	if t.ask.push() || t.ask == nothing {
		params.Set("factor", "push")
		params.Set("device", "auto")
	}
	d, err := t.result(func(async bool) (map[string]any, error) {
		return t.call(duosign.V2, duosign.SHA512, "POST", "/auth/v2/auth", t.flag(params, async))
	}, func(txid string) (map[string]any, error) {
		if open, p, err := t.waiting(); err == nil && p != nil && open.Number != number {
			return nil, fmt.Errorf("the caller shows %q, the phone wants %q", number, open.Number)
		}
		return t.call(duosign.V2, duosign.SHA512, "GET", "/auth/v2/auth_status", values("txid", txid))
	})
	if incapable(err) {
		return denied, nil
	}
	return d, err
}

// terminal signs in as Duo Unix from 2.2 does.
func (t *twin) terminal() (decision, error) {
	params := values("username", t.typed, "ipaddr", address, "factor", "prompt")
	if !t.straight {
		ask := values("username", t.typed, "ipaddr", address, "text_prompt", "1", "failmode", "safe", "hostname", "web1")
		if t.numbered {
			ask.Set("client_supports_verified_push", "1")
		}
		answer, err := t.call(duosign.V2, duosign.SHA512, "POST", "/auth/v2/preauth", ask)
		if d, done, err := t.gate(answer, err); done {
			return d, err
		}
		if txid, _ := answer["txid"].(string); txid != "" {
			params.Set("txid", txid)
		}
	}
	params.Set("prompt", t.typedAtMenu())
	return t.result(func(async bool) (map[string]any, error) {
		return t.call(duosign.V2, duosign.SHA512, "POST", "/auth/v2/auth", t.flag(params, async))
	}, func(txid string) (map[string]any, error) {
		return t.call(duosign.V2, duosign.SHA512, "GET", "/auth/v2/auth_status", values("txid", txid))
	})
}

// typedAtMenu returns what the person types at the menu of Duo Unix: the first phone's line, or a code.
func (t *twin) typedAtMenu() string {
	if t.ask.push() || t.ask == nothing {
		return "push1"
	}
	return t.code
}

// legacy signs in as Duo Unix up to 2.1 does. The suffix .bson or .json chooses the format.
func (t *twin) legacy(suffix string) (decision, error) {
	version, digest := duosign.V1, duosign.SHA1
	if suffix == ".json" {
		version = duosign.V2
	}
	if !t.straight {
		ask := values("user", t.typed, "ipaddr", address, "failmode", "safe", "hostname", "web1")
		answer, err := t.call(version, digest, "POST", "/rest/v1/preauth"+suffix, ask)
		if d, done, err := t.gate(answer, err); done {
			return d, err
		}
	}
	return t.result(func(async bool) (map[string]any, error) {
		params := values("user", t.typed, "ipaddr", address, "factor", "auto", "auto", t.typedAtMenu())
		return t.call(version, digest, "POST", "/rest/v1/auth"+suffix, t.flag(params, async))
	}, func(txid string) (map[string]any, error) {
		return t.call(version, digest, "GET", "/rest/v1/status"+suffix, values("txid", txid))
	})
}

// address is the IP address of the person.
const address = "192.0.2.7"
