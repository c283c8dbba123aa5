package unix

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// hostile are names and addresses that have hurt somebody's product.
var hostile = []string{"ana", "eve", "new", "", " ", "ANA ", "NORTH\\ana", "ana@north.example", "\x00", "a\x00b", "\xff\xfe", "é", "e\u0301", "\u202ean\u0061",
	"'; DROP TABLE users; --", "' OR 1=1 --", "<script>alert(1)</script>", "../../etc/passwd", "%00", "%s%n", "${jndi:ldap://x}", "\x1b[2J", "\r\nX: y",
	"push1", "default", "0.0.0.0", "::1", "fe80::1%eth0", "256.1.1.1", "::ffff:192.0.2.1", "open", "closed", strings.Repeat("a", 255), strings.Repeat("ü", 3000),
	"\U0001F600", "null", "true", "{}", "[]", "-1", "1e999", "\u2028", "ﬀ", "Ａｎａ"}

// fuzzed is the door and the check that every answer passes.
type fuzzed struct{ *world }

func newFuzzed(t testing.TB) fuzzed {
	w := newWorld(t)
	w.Enrolled(w.app, "ana")
	w.User("dora")
	w.Status("dora", "disabled")
	return fuzzed{w}
}

// check asks with a right signature: never 5xx, never 401, never a body the client cannot read, never late.
func (f fuzzed) check(t testing.TB, call, suffix string, params url.Values) {
	t.Helper()
	r := f.request("POST", At+call+suffix, f.skey, params)
	rec := httptest.NewRecorder()
	start := time.Now()
	f.h.ServeHTTP(rec, r)
	if took := time.Since(start); took > PreauthTime+time.Second {
		t.Errorf("%s %q took %s", call, params, took)
	}
	if rec.Code >= 500 || rec.Code == 401 {
		t.Errorf("%s %q answered %d", call, params, rec.Code)
	}
	body := rec.Body.Bytes()
	if suffix == ".bson" {
		if out, err := understand(body, call); err != nil || out.ok != (rec.Code == 200) {
			t.Errorf("%s %q answered %d %q: %v", call, params, rec.Code, body, err)
		}
		return
	}
	var doc struct {
		Stat     string
		Code     int
		Response struct {
			Result, Status, Prompt string
			Factors                map[string]string
		}
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil || (doc.Stat == "OK") != (rec.Code == 200) || doc.Stat == "FAIL" && doc.Code == 0 {
		t.Errorf("%s %q answered %d %q: %v", call, params, rec.Code, body, err)
	}
}

// FuzzPreauthBSON tries whatever a client can be made to send. go test -fuzz FuzzPreauthBSON ./internal/api/unix runs on.
func FuzzPreauthBSON(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[len(hostile)-1-i], s, "open", "more", s)
	}
	w := newFuzzed(f)
	f.Fuzz(func(t *testing.T, name, ip, host, failmode, key, value string) {
		params := pairs("user", name, "ipaddr", ip, "hostname", host, "failmode", failmode)
		params.Add(key, value)
		w.check(t, "preauth", ".bson", params)
		w.check(t, "preauth", ".json", params)
	})
}

// FuzzAuth does the same to the second call; a request is never sent, so nothing waits.
func FuzzAuth(f *testing.F) {
	for i, s := range hostile {
		f.Add(s, hostile[len(hostile)-1-i], "auto", s, s, "0")
	}
	w := newFuzzed(f)
	f.Fuzz(func(t *testing.T, name, typed, factor, pushinfo, device, async string) {
		params := pairs("user", name, "factor", factor, "auto", typed, "code", typed, "phone", device, "async", async, "pushinfo", pushinfo)
		if strings.HasPrefix(strings.ToLower(strings.TrimSpace(typed)), "push") || factor == "push" || len(strings.TrimSpace(typed)) < 3 {
			params.Set("async", "1")
		}
		w.check(t, "auth", ".bson", params)
	})
}

// FuzzUnderstand holds the strict reader against the encoder: what one writes, the other reads back.
func FuzzUnderstand(f *testing.F) {
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, prompt, factor string) {
		body := document{{"stat", "OK"}, {"response", document{{"result", "auth"}, {"prompt", prompt}, {"factors", document{{"default", factor}}}}}}.bson()
		out, err := understand(body, "preauth")
		if err != nil || out.prompt != noNUL(prompt) || out.factors["default"] != noNUL(factor) {
			t.Errorf("%q %q: %+v %v", prompt, factor, out, err)
		}
		for cut := range body {
			if _, err := understand(body[:cut], "preauth"); err == nil {
				t.Fatalf("%d of %d bytes were understood", cut, len(body))
			}
		}
	})
}

// TestTenThousandMutationsOfPreauth is the bounded share of AC-019 in every run; stops early only on a slow machine.
// The long run: COUNTERSIGN_MUTATIONS=1000000 COUNTERSIGN_MUTATION_SEED=7 go test -run Mutations -timeout 1h ./internal/api/unix
func TestTenThousandMutationsOfPreauth(t *testing.T) {
	w := newFuzzed(t)
	count, seed, limit := 10_000, uint64(19), time.Now().Add(20*time.Second)
	if n, err := strconv.Atoi(os.Getenv("COUNTERSIGN_MUTATIONS")); err == nil {
		count, limit = n, time.Now().Add(24*time.Hour)
	}
	if n, err := strconv.ParseUint(os.Getenv("COUNTERSIGN_MUTATION_SEED"), 10, 64); err == nil {
		seed = n
	}
	random := rand.New(rand.NewPCG(seed, uint64(len(hostile))))
	mutate := func() string {
		b := []byte(hostile[random.IntN(len(hostile))])
		for range random.IntN(4) {
			switch n := random.IntN(len(b) + 1); random.IntN(5) {
			case 0:
				b = append(b[:n:n], append([]byte{byte(random.IntN(256))}, b[n:]...)...)
			case 1:
				b = append(b[:n:n], hostile[random.IntN(len(hostile))]...)
			case 2:
				b = b[:n]
			case 3:
				b = bytes.ToUpper(b)
			default:
				for i := range b[:min(n, 8)] {
					b[i] ^= 1 << random.IntN(8)
				}
			}
		}
		return string(b[:min(len(b), 20_000)])
	}
	suffixes, done := []string{".bson", ".bson", ".json", ""}, 0
	for ; done < count && time.Now().Before(limit); done++ {
		params := pairs("user", mutate(), "ipaddr", mutate(), "hostname", mutate(), "failmode", mutate())
		switch random.IntN(8) {
		case 0:
			params.Del("user")
		case 1:
			params.Add(mutate(), mutate())
		case 2:
			params.Add("user", mutate())
		}
		w.check(t, "preauth", suffixes[random.IntN(len(suffixes))], params)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d mutations", done)
}
