package auth

import (
	"math/rand/v2"
	"net/url"
	"slices"
	"testing"
	"time"

	"countersign/internal/flow"
	"countersign/internal/testkit/dbtest"
	"countersign/internal/testkit/flowkit"
)

// harmless says whether an answer to a right signature keeps the rules of AC-019: no 5xx, no 401, a whole
// body that parses, in two seconds.
func harmless(t *testing.T, w *world, method, path string, params url.Values) {
	t.Helper()
	before := time.Now()
	r := do(t, w.h, w.sign(method, path, params))
	if !slices.Contains([]int{200, 400, 404, 413, 429}, r.status) || (r.Stat == "OK") != (r.status == 200) || r.Stat == "" {
		t.Errorf("%s %s: %d %s", path, params.Encode(), r.status, r.raw)
	}
	if r.status == 429 {
		t.Errorf("%s %s is taken for a failure of ours", path, params.Encode())
	}
	if took := time.Since(before); took > 2*time.Second {
		t.Errorf("%s %s took %v", path, params.Encode(), took)
	}
}

func FuzzPreauth(f *testing.F) {
	w := newWorld(f)
	w.person("alice")
	f.Add("alice", "", "127.0.0.1", "host", "1", "open")
	f.Add("CORP\\alice", "", "fe80::1%eth0", "'; DROP TABLE users; --", "1", "closed")
	f.Add("", "DU000000000000000000", "999.1.1.1", "\x00\xff", "", "\u202e")
	f.Fuzz(func(t *testing.T, username, userID, ip, hostname, on, failmode string) {
		harmless(t, w, "POST", "preauth", url.Values{"username": {username}, "user_id": {userID}, "ipaddr": {ip}, "hostname": {hostname},
			"text_prompt": {on}, "client_supports_verified_push": {on}, "failmode": {failmode}, "trusted_device_token": {hostname}})
	})
}

// pieces that break parsers, queries and terminals.
var pieces = []string{"", "alice", "Alice@example.edu", "DOM\\", "stranger", "DU000000000000000000", "\x00", "\xff\xfe", "\u202e", "\ufeff", "' OR 1=1 --", "<script>", "%s%n",
	"../../etc/passwd", "🦊", "é", "e\u0301", "|", "auto", "push", "push1", "passcode", "prompt", "sms", "phone", "1", "-1", "123456", "1e400", "127.0.0.1", "::1", "::ffff:1.2.3.4",
	"fe80::1%eth0", "a=b&c=d&%zz", "duo://x-y", "0c2f0b1e-7b1a-4c1e-8a1a-000000000000", "null", "[]", "{}"}

func TestNoInputOfACallerGivesA5xxOrA401(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, db flow.DB) { anyInput(t, newWorldOn(flowkit.New(t, db))) })
}

func anyInput(t *testing.T, w *world) {
	w.person("alice")
	chance := rand.New(rand.NewPCG(3, 5))
	names := []string{"username", "user_id", "ipaddr", "hostname", "factor", "device", "passcode", "prompt", "type", "display_username", "pushinfo", "txid", "valid_secs",
		"activation_code", "text_prompt", "client_supports_verified_push", "failmode", "trusted_device_token", "unknown", "\x00"}
	paths := [][2]string{{"POST", "preauth"}, {"POST", "preauth"}, {"POST", "auth"}, {"GET", "auth_status"}, {"POST", "enroll"}, {"POST", "enroll_status"}, {"GET", "check"}}
	for range 2000 {
		params := url.Values{"async": {"1"}} // nothing here waits for a person
		for range chance.IntN(8) {
			value := pieces[chance.IntN(len(pieces))]
			if chance.IntN(8) == 0 {
				value += pieces[chance.IntN(len(pieces))]
			}
			params[names[chance.IntN(len(names))]] = []string{value}
		}
		if chance.IntN(4) != 0 && params.Get("user_id") == "" {
			params.Set("username", pieces[chance.IntN(6)])
		}
		p := paths[chance.IntN(len(paths))]
		harmless(t, w, p[0], p[1], params)
	}
}
