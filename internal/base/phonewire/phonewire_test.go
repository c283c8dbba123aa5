package phonewire_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"

	"pgregory.net/rapid"
)

func newKey(t testing.TB) (*ecdsa.PrivateKey, []byte) {
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

func sign(t testing.TB, key *ecdsa.PrivateKey, text []byte) string {
	t.Helper()
	s, err := phonewire.Sign(rand.Reader, key, text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// AC-010: no field of a signed answer may change.
func TestAnAnswerChangedInAnyFieldIsRefused(t *testing.T) {
	key, spki := newKey(t)
	_, otherSPKI := newKey(t)
	good := phonewire.Answer{Transaction: "tx-1", Application: "DI1", User: "DU1", Phone: "DP1",
		Decision: phonewire.Approve, Number: "417", Expires: 1800000060000, Counter: 5}
	good.Signature = sign(t, key, good.Text())
	if err := good.Check(spki); err != nil {
		t.Fatalf("the untouched answer: %v", err)
	}
	if good.Check(otherSPKI) == nil {
		t.Error("another key's answer was accepted")
	}
	for name, change := range map[string]func(*phonewire.Answer){
		"transaction":  func(a *phonewire.Answer) { a.Transaction = "tx-2" },
		"application":  func(a *phonewire.Answer) { a.Application = "DI2" },
		"user":         func(a *phonewire.Answer) { a.User = "DU2" },
		"phone":        func(a *phonewire.Answer) { a.Phone = "DP2" },
		"decision":     func(a *phonewire.Answer) { a.Decision, a.Number = phonewire.Deny, "" },
		"reason":       func(a *phonewire.Answer) { a.Decision, a.Number, a.Reason = phonewire.Deny, "", phonewire.Fraud },
		"number":       func(a *phonewire.Answer) { a.Number = "418" },
		"no number":    func(a *phonewire.Answer) { a.Number = "" },
		"expires":      func(a *phonewire.Answer) { a.Expires++ },
		"counter":      func(a *phonewire.Answer) { a.Counter++ },
		"signature":    func(a *phonewire.Answer) { a.Signature = "A" + a.Signature[1:] + "" },
		"no signature": func(a *phonewire.Answer) { a.Signature = "" },
		"shifted":      func(a *phonewire.Answer) { a.Transaction, a.Application = "tx-", "1DI1" },
	} {
		bad := good
		change(&bad)
		if bad.Signature == good.Signature && bad == good {
			t.Fatalf("%s: nothing changed", name)
		}
		if err := bad.Check(spki); err == nil {
			if name == "signature" && bad.Signature == good.Signature {
				continue // the first character was already A
			}
			t.Errorf("%s: a changed answer was accepted", name)
		}
	}
}

func TestAnAnswerOutOfRangeIsRefusedEvenWhenSigned(t *testing.T) {
	key, spki := newKey(t)
	base := phonewire.Answer{Transaction: "t", Application: "a", User: "u", Phone: "p", Decision: phonewire.Approve, Expires: 1, Counter: 1}
	for name, change := range map[string]func(*phonewire.Answer){
		"unknown decision":     func(a *phonewire.Answer) { a.Decision = "maybe" },
		"unknown reason":       func(a *phonewire.Answer) { a.Decision, a.Reason = phonewire.Deny, "because" },
		"approval with reason": func(a *phonewire.Answer) { a.Reason = phonewire.Mistake },
		"denial with number":   func(a *phonewire.Answer) { a.Decision, a.Number = phonewire.Deny, "417" },
		"letters as number":    func(a *phonewire.Answer) { a.Number = "4l7" },
		"long number":          func(a *phonewire.Answer) { a.Number = "1234567" },
		"counter zero":         func(a *phonewire.Answer) { a.Counter = 0 },
		"counter too large":    func(a *phonewire.Answer) { a.Counter = 1 << 53 },
		"no transaction":       func(a *phonewire.Answer) { a.Transaction = "" },
		"newline":              func(a *phonewire.Answer) { a.Transaction = "t\n" },
	} {
		bad := base
		change(&bad)
		bad.Signature = sign(t, key, bad.Text())
		if err := bad.Check(spki); !errors.Is(err, phonewire.ErrField) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnActivationChangedInAnyFieldIsRefused(t *testing.T) {
	key, spki := newKey(t)
	_, other := newKey(t)
	good := phonewire.Activation{Code: "ABCD2345", PublicKey: base64.RawURLEncoding.EncodeToString(spki),
		Platform: "Android", Model: "Pixel", Name: "Ana's phone", AppVersion: "1"}
	good.Signature = sign(t, key, good.Text("host.example"))
	if err := good.Check("HOST.example"); err != nil {
		t.Fatalf("the untouched activation: %v", err)
	}
	if good.Check("evil.example") == nil {
		t.Error("a proof for another host was accepted")
	}
	for name, change := range map[string]func(*phonewire.Activation){
		"code":      func(a *phonewire.Activation) { a.Code = "ABCD2346" },
		"no code":   func(a *phonewire.Activation) { a.Code = "" },
		"key":       func(a *phonewire.Activation) { a.PublicKey = base64.RawURLEncoding.EncodeToString(other) },
		"platform":  func(a *phonewire.Activation) { a.Platform = "iOS" },
		"model":     func(a *phonewire.Activation) { a.Model = "" },
		"name":      func(a *phonewire.Activation) { a.Name = "Bo's phone" },
		"version":   func(a *phonewire.Activation) { a.AppVersion = "2" },
		"signature": func(a *phonewire.Activation) { a.Signature = strings.Repeat("A", 86) },
		"long name": func(a *phonewire.Activation) { a.Name = strings.Repeat("x", 257) },
		"bidi name": func(a *phonewire.Activation) { a.Name = "a\u202eb" },
	} {
		bad := good
		change(&bad)
		if bad.Check("host.example") == nil {
			t.Errorf("%s: a changed activation was accepted", name)
		}
	}
}

func TestARequestChangedInAnyPartIsRefused(t *testing.T) {
	key, spki := newKey(t)
	_, other := newKey(t)
	body := []byte(`{"name":"x"}`)
	a, err := phonewire.Authorize(rand.Reader, key, "PATCH", "host.example:8443", "/phone/v1/account?x=1", time.UnixMilli(1800000000000), body)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := phonewire.ParseAuthorization(a.String())
	if err != nil || parsed != a {
		t.Fatalf("header does not survive its own parser: %v", err)
	}
	check := func(a phonewire.Authorization, spki []byte, method, host, target string, body []byte) error {
		return a.Verify(spki, method, host, target, body)
	}
	if err := check(a, spki, "PATCH", "Host.Example:8443", "/phone/v1/account?x=1", body); err != nil {
		t.Fatalf("the untouched request: %v", err)
	}
	later, nonce := a, a
	later.Time++
	nonce.Nonce = "AAAAAAAAAAAAAAAAAAAAAA"
	for name, err := range map[string]error{
		"key":    check(a, other, "PATCH", "host.example:8443", "/phone/v1/account?x=1", body),
		"method": check(a, spki, "DELETE", "host.example:8443", "/phone/v1/account?x=1", body),
		"host":   check(a, spki, "PATCH", "host.example", "/phone/v1/account?x=1", body),
		"path":   check(a, spki, "PATCH", "host.example:8443", "/phone/v1/accounts?x=1", body),
		"query":  check(a, spki, "PATCH", "host.example:8443", "/phone/v1/account?x=2", body),
		"body":   check(a, spki, "PATCH", "host.example:8443", "/phone/v1/account?x=1", []byte(`{"name":"y"}`)),
		"time":   check(later, spki, "PATCH", "host.example:8443", "/phone/v1/account?x=1", body),
		"nonce":  check(nonce, spki, "PATCH", "host.example:8443", "/phone/v1/account?x=1", body),
	} {
		if err == nil {
			t.Errorf("%s: a changed request was accepted", name)
		}
	}
}

func TestOnlyP256KeysInTheirOneEncodingAreKeys(t *testing.T) {
	_, good := newKey(t)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	spki384, _ := x509.MarshalPKIXPublicKey(&p384.PublicKey)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	spkiRSA, _ := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	for name, spki := range map[string][]byte{"empty": nil, "short": good[:90], "trailing": append(append([]byte{}, good...), 0),
		"P-384": spki384, "RSA": spkiRSA, "point off the curve": append(append([]byte{}, good[:90]...), good[90]^1)} {
		if _, err := phonewire.ParseKey(spki); !errors.Is(err, phonewire.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDifferentAnswersAreDifferentTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) phonewire.Answer {
			s := rapid.StringOf(rapid.SampledFrom([]rune("1:\n2a")))
			return phonewire.Answer{Transaction: s.Draw(t, label), Application: s.Draw(t, label), User: s.Draw(t, label),
				Phone: s.Draw(t, label), Decision: phonewire.Decision(s.Draw(t, label)), Reason: phonewire.Reason(s.Draw(t, label)),
				Number: s.Draw(t, label), Expires: rapid.Int64Range(0, 20).Draw(t, label), Counter: rapid.Int64Range(0, 20).Draw(t, label)}
		}
		a, b := draw("a"), draw("b")
		if (a == b) != (string(a.Text()) == string(b.Text())) {
			t.Fatalf("%+v and %+v: equal texts %v", a, b, string(a.Text()) == string(b.Text()))
		}
	})
}

func TestATypedCodeHasOneSpelling(t *testing.T) {
	for in, want := range map[string]string{
		"7KQM-2XWN": "7KQM2XWN", " 7kqm 2xwn ": "7KQM2XWN", "7kqm–2xwn": "7KQM2XWN", "OIL0-abcd": "0110ABCD",
		"UUUU-UUUU":     "UUUU-UUUU", // U is no Crockford letter, so this is no typed code
		"hM3_Yx-0aVbQ2": "hM3_Yx-0aVbQ2",
	} {
		if got := phonewire.NormalizeCode(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestToldTextStaysOnOneLineAndHidesNothing(t *testing.T) {
	for in, want := range map[string]string{
		"rsync --server\t-a\n\x1b[2J.": "rsync --server -a [2J.",
		"a\u202egnp.exe\u200b b":       "a gnp.exe b",
		"bad \xff byte":                "bad \uFFFD byte",
		"  ":                           "",
		strings.Repeat("ü", 41):        strings.Repeat("ü", 39) + "…",
	} {
		if got := phonewire.OneLine(in, 40); got != want {
			t.Errorf("%q became %q, not %q", in, got, want)
		}
	}
}

func TestBodiesWithMoreThanTheyShouldAreRefused(t *testing.T) {
	for _, body := range []string{``, `null`, `[]`, `"x"`, `{"name":"a","name":"b"}`, `{"name":"a","NAME":"b"}`, `{"name":"a","x":1}`,
		`{"name":"a"}{}`, `{"name":"a"} x`, `{"name":{"a":1}}`, `{"name":1}`, `{"name":"a"`, "{\"name\":\"\xff\"}"} {
		var r phonewire.Rename
		if err := phonewire.Decode([]byte(body), &r); !errors.Is(err, phonewire.ErrBody) {
			t.Errorf("%s: %v", body, err)
		}
	}
	var r phonewire.Rename
	if err := phonewire.Decode([]byte(` {"name":"a"} `), &r); err != nil || r.Name != "a" {
		t.Errorf("a good body: %v", err)
	}
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add(`Countersign-Phone keyid="` + strings.Repeat("A", 43) + `",time="1",nonce="` + strings.Repeat("A", 22) + `",signature="` + strings.Repeat("A", 86) + `"`)
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := phonewire.ParseAuthorization(header)
		if err == nil && a.String() != header {
			t.Fatalf("%q came back as %q", header, a.String())
		}
	})
}

func FuzzDecodeAnswer(f *testing.F) {
	f.Add([]byte(`{"transaction":"t","decision":"approve","counter":1}`))
	_, spki := newKey(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		var a phonewire.Answer
		if phonewire.Decode(body, &a) == nil && a.Check(spki) == nil {
			t.Fatal("a made-up answer verified")
		}
	})
}
