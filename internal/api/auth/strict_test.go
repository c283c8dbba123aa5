package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"countersign/internal/domain/policy"
	"countersign/internal/testkit/mutate"
)

// The reading side of Duo Unix 2.2 (lib/duo.c) and of the API libraries: which names an answer of each call must
// have, in which type. What a C client puts into a buffer has its buffer's length here.

var errAnswer = errors.New("a client would not understand this answer")

const maxOption = 255 // bytes of a factor's value and of a txid in a C client

// answered reads the answer of one call; terminal says that the client prints prompt and sends a line back.
func answered(call string, terminal bool, status int, body []byte) error {
	v, err := mutate.Envelope(status, body)
	if err != nil || v == nil {
		return err
	}
	if call == "enroll_status" {
		return words(map[string]any{call: v}, 16, call)
	}
	r, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("%w: no response", errAnswer)
	}
	switch call {
	case "ping", "check":
		if t, _ := r["time"].(int64); t <= 0 {
			return fmt.Errorf("%w: time", errAnswer)
		}
		return nil
	case "preauth":
		return preauthRead(r, terminal)
	case "auth":
		if _, async := r["txid"]; async {
			return words(r, maxOption, "txid")
		}
		return decision(r, "allow", "deny")
	case "auth_status":
		return decision(r, "allow", "deny", "waiting")
	case "enroll":
		return words(r, 4096, "activation_code", "activation_url", "activation_barcode", "user_id", "username")
	}
	return nil
}

func preauthRead(r map[string]any, terminal bool) error {
	if err := errors.Join(words(r, 16, "result"), words(r, 4096, "status_msg")); err != nil {
		return err
	}
	prompt, _ := r["prompt"].(map[string]any)
	switch r["result"] {
	case "allow", "deny":
		return nil
	case "enroll":
		if terminal && prompt == nil {
			return fmt.Errorf("%w: no prompt to enrol by", errAnswer)
		}
		return words(r, 4096, "enroll_portal_url")
	case "auth":
	default:
		return fmt.Errorf("%w: result %v", errAnswer, r["result"])
	}
	if _, ok := r["devices"].([]any); !ok {
		return fmt.Errorf("%w: no devices", errAnswer)
	}
	for _, one := range r["devices"].([]any) {
		d, _ := one.(map[string]any)
		list, _ := d["capabilities"].([]any)
		if err := words(d, 4096, "device", "type", "name", "display_name"); err != nil || len(list) == 0 {
			return fmt.Errorf("%w: device %v", errAnswer, one)
		}
	}
	if _, numbered := r["verification_code"]; numbered {
		if err := words(r, maxOption, "txid", "verification_code"); err != nil {
			return err
		}
	}
	if !terminal {
		return nil
	}
	factors, ok := prompt["factors"].(map[string]any)
	if !ok { // asked for after the line was typed, also when the line is a code
		return fmt.Errorf("%w: no factors", errAnswer)
	}
	for name := range factors {
		if err := words(factors, maxOption, name); err != nil {
			return err
		}
	}
	return words(prompt, 1<<16, "text")
}

func decision(r map[string]any, results ...string) error {
	for _, one := range results {
		if r["result"] == one {
			return errors.Join(words(r, 64, "status"), words(r, 4096, "status_msg"))
		}
	}
	return fmt.Errorf("%w: result %v", errAnswer, r["result"])
}

// words wants texts that are there, fit, and do nothing to a terminal.
func words(from map[string]any, most int, names ...string) error {
	for _, name := range names {
		s, ok := from[name].(string)
		if !ok || s == "" || len(s) > most {
			return fmt.Errorf("%w: %s is %v", errAnswer, name, from[name])
		}
		if at := strings.IndexFunc(s, obeyed); at >= 0 {
			return fmt.Errorf("%w: %s holds %q", errAnswer, name, s[at:])
		}
	}
	return nil
}

// obeyed reports what a terminal does something with instead of printing it.
func obeyed(r rune) bool {
	return r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp)
}

// lib/duo.c looks for factors after the line was typed; without it the code typed there is lost.
func TestATerminalCanSendACodeWhenNothingElseIsOnTheMenu(t *testing.T) {
	w := newWorld(t)
	w.person("alice")
	w.policy(func(p *policy.Policy) { p.Methods = []string{policy.MethodPasscode} })
	r := w.send("POST", "preauth", "username", "alice", "text_prompt", "1")
	if err := answered("preauth", true, r.status, []byte(r.raw)); err != nil || !strings.Contains(r.raw, `"factors":{"default":"push1"}`) {
		t.Errorf("%s: %v", r.raw, err)
	}
}
