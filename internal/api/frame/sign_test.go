package frame

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/audit"
)

const (
	ikey = "DIABCDEFGHIJ12345678"
	skey = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5kL7n"
	akey = "an application key of its own, forty letters"
)

var noon = time.Unix(1_800_000_000, 0)

// verifyResponse is the published client's check, line by line (duo_python, duo_nodejs): what it takes as signed in.
func verifyResponse(ikey, skey, akey, response string, now time.Time, prefix string) (string, bool) {
	parts := strings.Split(response, ":")
	if len(parts) != 2 {
		return "", false
	}
	user, ok := parseValues(skey, parts[0], prefix, ikey, now)
	same, also := parseValues(akey, parts[1], "APP", ikey, now)
	return user, ok && also && user == same
}

func parseValues(key, value, prefix, ikey string, now time.Time) (string, bool) {
	parts := strings.Split(value, "|")
	if len(parts) != 3 || hex.EncodeToString(digest([]byte(key), parts[0]+"|"+parts[1])) != parts[2] || parts[0] != prefix {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(parts[1])
	inner := strings.Split(string(plain), "|")
	if err != nil || len(inner) != 3 || inner[1] != ikey {
		return "", false
	}
	expiry, err := strconv.ParseInt(inner[2], 10, 64)
	return inner[0], err == nil && now.Unix() < expiry
}

func appHalf(user string) string {
	return sign([]byte(akey), "APP", []byte(user), ikey, noon.Add(time.Hour))
}

func TestTheClientReadsBackEveryNameItCanSend(t *testing.T) {
	for _, user := range []string{"ana", "Ana", "NORTHFIELD\\ana", "ana:b", `"quoted"`, "line\nbreak", "Ünïcödé", "a b", "ana@x.example", "\xff\xfe", strings.Repeat("é", 500)} {
		tx := sign([]byte(skey), prefixTX, []byte(user), ikey, noon.Add(300*time.Second))
		q, err := parse(tx)
		if err != nil || q.verify([]byte(skey)) != nil || q.timely(noon) != nil || string(q.User) != user || q.IKey != ikey {
			t.Errorf("%q: %+v %v", user, q, err)
			continue
		}
		answer := sign([]byte(skey), answerAuth, q.User, q.IKey, noon.Add(answerLife))
		if got, ok := verifyResponse(ikey, skey, akey, answer+":"+appHalf(user), noon, "AUTH"); !ok || got != user {
			t.Errorf("%q comes back as %q, %v", user, got, ok)
		}
	}
}

// AC-018.
func TestAnAnswerIsGoodForItsPersonApplicationAndFiveMinutesOnly(t *testing.T) {
	answer := sign([]byte(skey), answerAuth, []byte("ana"), ikey, noon.Add(answerLife))
	good := answer + ":" + appHalf("ana")
	if _, ok := verifyResponse(ikey, skey, akey, good, noon, "AUTH"); !ok {
		t.Fatal("the good one is refused")
	}
	other := strings.Replace(ikey, "A", "Z", 1)
	for why, ok := range map[string]func() (string, bool){
		"expired": func() (string, bool) {
			return verifyResponse(ikey, skey, akey, good, noon.Add(301*time.Second), "AUTH")
		},
		"another application": func() (string, bool) { return verifyResponse(other, skey, akey, good, noon, "AUTH") },
		"another key":         func() (string, bool) { return verifyResponse(ikey, akey, akey, good, noon, "AUTH") },
		"another person": func() (string, bool) {
			return verifyResponse(ikey, skey, akey, answer+":"+appHalf("ben"), noon, "AUTH")
		},
		"no application half": func() (string, bool) { return verifyResponse(ikey, skey, akey, answer, noon, "AUTH") },
		"altered": func() (string, bool) {
			return verifyResponse(ikey, skey, akey, strings.Replace(good, "|", "|A", 1), noon, "AUTH")
		},
		"set-up for a sign-in": func() (string, bool) { return verifyResponse(ikey, skey, akey, good, noon, "ENROLL") },
		"a request as answer": func() (string, bool) {
			return verifyResponse(ikey, skey, akey, sign([]byte(skey), prefixTX, []byte("ana"), ikey, noon.Add(time.Minute))+":"+appHalf("ana"), noon, "AUTH")
		},
	} {
		if user, taken := ok(); taken {
			t.Errorf("%s: signs in %q", why, user)
		}
	}
}

func TestARequestHasOneSpelling(t *testing.T) {
	good := sign([]byte(skey), prefixTX, []byte("ana"), ikey, noon.Add(300*time.Second))
	raw := func(prefix, plain string) string {
		cookie := prefix + "|" + base64.StdEncoding.EncodeToString([]byte(plain))
		return cookie + "|" + hex.EncodeToString(digest([]byte(skey), cookie))
	}
	parts := strings.Split(good, "|")
	for why, tx := range map[string]string{
		"empty":            "",
		"two fields":       "TX|x",
		"four fields":      good + "|x",
		"AUTH":             raw("AUTH", "ana|"+ikey+"|1800000300"),
		"lower case":       raw("tx", "ana|"+ikey+"|1800000300"),
		"a | in the name":  raw("TX", "an|a|"+ikey+"|1800000300"),
		"no name":          raw("TX", "|"+ikey+"|1800000300"),
		"no expiry":        raw("TX", "ana|"+ikey),
		"words as expiry":  raw("TX", "ana|"+ikey+"|soon"),
		"a sign":           raw("TX", "ana|"+ikey+"|+1800000300"),
		"a float":          raw("TX", "ana|"+ikey+"|1800000300.5"),
		"a huge number":    raw("TX", "ana|"+ikey+"|99999999999999999999"),
		"a zero in front":  raw("TX", "ana|"+ikey+"|01800000300"),
		"no padding":       parts[0] + "|" + strings.TrimRight(parts[1], "=") + "|" + parts[2] + "0",
		"a short MAC":      parts[0] + "|" + parts[1] + "|" + parts[2][:38],
		"no hex":           parts[0] + "|" + parts[1] + "|" + strings.Repeat("z", 40),
		"a line break":     parts[0] + "|" + parts[1][:8] + "\n" + parts[1][8:] + "|" + parts[2],
		"too long":         raw("TX", strings.Repeat("a", 5000)+"|"+ikey+"|1800000300"),
		"a very long name": raw("TX", strings.Repeat("a", 1025)+"|"+ikey+"|1800000300"),
	} {
		if q, err := parse(tx); err == nil {
			t.Errorf("%s is read as %+v", why, q)
		}
	}
	for why, c := range map[string]struct {
		at time.Time
		ok bool
	}{
		"now": {noon, true}, "a slow clock": {noon.Add(-59 * time.Second), true}, "a fast clock": {noon.Add(359 * time.Second), true},
		"late": {noon.Add(360 * time.Second), false}, "too early": {noon.Add(-61 * time.Second), false},
	} {
		q, err := parse(good)
		if err != nil || (q.timely(c.at) == nil) != c.ok {
			t.Errorf("%s: %v %v", why, err, q.timely(c.at))
		}
	}
	if q, _ := parse(good); q.verify([]byte(akey)) == nil {
		t.Error("another key verifies")
	}
	if q, err := parse(strings.ToUpper(parts[2]) + "x"); err == nil {
		t.Errorf("%+v", q)
	}
	if q, err := parse(parts[0] + "|" + parts[1] + "|" + strings.ToUpper(parts[2])); err != nil || q.verify([]byte(skey)) != nil {
		t.Error("hex in capitals, as some clients write it, is refused")
	}
}

func FuzzARequestNeverVerifiesWithoutItsKey(f *testing.F) {
	f.Add(sign([]byte("another"), prefixTX, []byte("ana"), ikey, noon))
	f.Add("TX|YXxifDE=|00")
	f.Fuzz(func(t *testing.T, tx string) {
		q, err := parse(tx)
		if err == nil && q.verify([]byte(skey)) == nil {
			t.Fatalf("%q verifies", tx)
		}
	})
}

func TestAPageMayFrameWhenItsHostIsListedOrNoneIs(t *testing.T) {
	listed := []string{"app.example.edu", "dev.example.edu:8443", "Other.Example.edu", "old.example.edu:80"}
	for _, c := range []struct {
		parent, referer string
		hosts           []string
		origin, reason  string
	}{
		{"https://app.example.edu/login?next=%2F#x", "", nil, "https://app.example.edu", ""},
		{`https://app.example.edu/login?next=CORP\tim`, "", nil, "https://app.example.edu", ""},
		{"https://app.example.edu/report#50% done", "https://app.example.edu/a%b", nil, "https://app.example.edu", ""},
		{"https://app.example.edu?q=" + strings.Repeat("a", 20000), "", nil, "https://app.example.edu", ""},
		{"https://app.example.edu%2F@evil.example/", "", nil, "", audit.InvalidReferrer},
		{"https://evil.example#@app.example.edu/", "", []string{"app.example.edu"}, "", audit.InvalidReferrer},
		{"http://app.example.edu/x", "", nil, "http://app.example.edu", ""},
		{"http://app.example.edu/x", "", listed, "", audit.InvalidReferrer},
		{"http://dev.example.edu:8443/x", "", listed, "", audit.InvalidReferrer},
		{"http://old.example.edu/x", "", listed, "http://old.example.edu", ""},
		{"http://old.example.edu:8080/x", "", listed, "", audit.InvalidReferrer},
		{"http://127.0.0.1:8080/x", "", []string{"127.0.0.1"}, "http://127.0.0.1:8080", ""},
		{"http://localhost:8080/x", "", []string{"localhost:8080"}, "http://localhost:8080", ""},
		{"https://APP.example.edu:443/", "", nil, "https://app.example.edu", ""},
		{"http://127.0.0.1:8080/x", "http://127.0.0.1:8080/", nil, "http://127.0.0.1:8080", ""},
		{"http://[::1]:8080/x", "", nil, "http://[::1]:8080", ""},
		{"https://app.example.edu/x", "", listed, "https://app.example.edu", ""},
		{"https://app.example.edu:9443/x", "", listed, "https://app.example.edu:9443", ""},
		{"https://other.example.edu/x", "", listed, "https://other.example.edu", ""},
		{"https://dev.example.edu:8443/x", "", listed, "https://dev.example.edu:8443", ""},
		{"https://dev.example.edu/x", "", listed, "", audit.InvalidReferrer},
		{"https://app.example.edu.evil.example/", "", listed, "", audit.InvalidReferrer},
		{"https://evil.example/?app.example.edu", "", listed, "", audit.InvalidReferrer},
		{"https://app.example.edu@evil.example/", "", listed, "", audit.InvalidReferrer},
		{"https://app.example.edu/", "https://evil.example/", nil, "", audit.InvalidReferrer},
		{"", "https://app.example.edu/", nil, "", audit.NoReferrer},
		{"javascript:alert(1)", "", nil, "", audit.InvalidReferrer},
		{"data:text/html,x", "", nil, "", audit.InvalidReferrer},
		{"//app.example.edu/", "", nil, "", audit.InvalidReferrer},
		{"https://*/", "", nil, "", audit.InvalidReferrer},
		{"https://a.example;script-src/", "", nil, "", audit.InvalidReferrer},
		{"https://a.example 'self'/", "", nil, "", audit.InvalidReferrer},
		{"https://a.example\\@b.example/", "", nil, "", audit.InvalidReferrer},
		{"https:///x", "", nil, "", audit.InvalidReferrer},
		{"https://" + strings.Repeat("a", 300) + "/", "", nil, "", audit.InvalidReferrer},
	} {
		if origin, reason := framer(c.parent, c.referer, c.hosts); origin != c.origin || reason != c.reason {
			t.Errorf("framer(%q, %q, %v) = %q, %q", c.parent, c.referer, c.hosts, origin, reason)
		}
	}
}

func TestAnErrorAnswerHasTheLettersTheScriptTakes(t *testing.T) {
	d := &Door{}
	if got := d.Refusal("It's late: go, home (now)."); got != "ERR|Its late go home (now)." {
		t.Error(got)
	}
}
