package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/internal/base/otp"
)

// caller is a program that uses the Auth API. It signs as the vendor's clients do, in version 2 with SHA-512.
type caller struct {
	id, host string // integration key; host:port as it is signed
	key      []byte // secret key
}

// floorAuthVariable is the variable of the environment that carries the caller's key to the floor.
const floorAuthVariable = "COUNTERSIGN_BENCH_AUTH_KEY"

// signCall returns the signature of a call in hex: the HMAC over date, method, host, path and the sorted parameters.
func signCall(key []byte, date, method, host, path string, params url.Values) string {
	mac := hmac.New(sha512.New, key)
	_, _ = io.WriteString(mac, date+"\n"+method+"\n"+strings.ToLower(host)+"\n"+path+"\n"+strings.ReplaceAll(params.Encode(), "+", "%20"))
	return hex.EncodeToString(mac.Sum(nil))
}

// call sends one signed POST and expects the given result in the answer.
func (c caller) call(at *wire, path, want string, params url.Values) error {
	date := time.Now().UTC().Format("Mon, 02 Jan 2006 15:04:05 -0000")
	signature := signCall(c.key, date, "POST", c.host, path, params)
	a, err := at.do(request{method: "POST", target: path, contentType: form, date: date, body: []byte(params.Encode()),
		authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(c.id+":"+signature))})
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if a.status != 200 || !strings.Contains(string(a.body), `"result":"`+want+`"`) {
		return unexpected(path, a)
	}
	return nil
}

// preauth asks about a user who has a phone.
func (c caller) preauth(at *wire, p *person) error {
	return c.call(at, "/auth/v2/preauth", "auth", url.Values{"username": {p.Name}, "ipaddr": {"192.0.2.7"}})
}

// auth proves with the next passcode of the user's phone.
func (c caller) auth(at *wire, p *person) error {
	code := otp.HOTP(otp.SHA1, p.OTP, p.next, 6)
	p.next++
	return c.call(at, "/auth/v2/auth", "allow", url.Values{"username": {p.Name}, "ipaddr": {"192.0.2.7"}, "factor": {"passcode"}, "passcode": {code}})
}

// signedFloor is the floor of a signed call. It reads the request, checks date and signature, and writes an answer of
// the usual shape. It has no database.
func signedFloor(key string) http.HandlerFunc {
	type device struct {
		Device       string   `json:"device"`
		Type         string   `json:"type"`
		Number       string   `json:"number"`
		Name         string   `json:"name"`
		DisplayName  string   `json:"display_name"`
		Capabilities []string `json:"capabilities"`
	}
	type answer struct {
		Result  string   `json:"result"`
		Status  string   `json:"status,omitempty"`
		Message string   `json:"status_msg"`
		Devices []device `json:"devices,omitempty"`
	}
	return func(w http.ResponseWriter, r *http.Request) {
		raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Authorization"), "Basic ")) // an invalid one fails below
		_, signature, _ := strings.Cut(string(raw), ":")
		date := r.Header.Get("Date")
		at, dateErr := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", date)
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		params, formErr := url.ParseQuery(string(body))
		if err != nil || formErr != nil || dateErr != nil || time.Since(at).Abs() > 5*time.Minute ||
			!hmac.Equal([]byte(signature), []byte(signCall([]byte(key), date, r.Method, r.Host, r.URL.Path, params))) {
			http.Error(w, "signature", http.StatusUnauthorized)
			return
		}
		a := answer{Result: "allow", Status: "allow", Message: "Success. Logging you in..."}
		if r.PathValue("call") == "preauth" {
			a = answer{Result: "auth", Message: "Account is active", Devices: []device{{"DPFLOORFLOORFLOORFLO", "phone", "", "Phone of " + params.Get("username"),
				"Phone of " + params.Get("username"), []string{"auto", "push", "mobile_otp"}}}}
		}
		out, err := json.Marshal(map[string]any{"stat": "OK", "response": a})
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(out) // the client may be gone
	}
}

// newAuthLoad makes a load of calls without a browser. The caller sets its work.
func newAuthLoad(at ready, c caller, people []person) (*load, error) {
	l, err := newLoad(at, client{}, people)
	if err == nil {
		l.client.host, l.single = at.Host, true
	}
	return l, err
}

// measureAuth measures preauth and auth calls and their floor in turns, and adds the results to r.Auth.
func measureAuth(ctx context.Context, p plan, at *place, r *report) error {
	product, err := start(ctx, at.spec("server"))
	if err != nil {
		return err
	}
	defer product.stop()
	bare, err := start(ctx, at.spec("floor"), floorAuthVariable+"="+at.seeds.AuthKey)
	if err != nil {
		return err
	}
	defer bare.stop()
	mine, err := newAuthLoad(product.ready, caller{}, at.seeds.Users)
	if err != nil {
		return err
	}
	defer mine.close()
	under, err := newAuthLoad(bare.ready, caller{}, append([]person(nil), at.seeds.Users...))
	if err != nil {
		return err
	}
	defer under.close()
	for _, k := range []struct {
		name string
		rate float64
		call func(caller, *wire, *person) error
	}{{"preauth", p.preauthRate, caller.preauth}, {"auth", p.authRate, caller.auth}} {
		for _, l := range []*load{mine, under} {
			c := caller{id: at.seeds.AuthID, host: l.client.host, key: []byte(at.seeds.AuthKey)}
			l.work = func(at pair, p *person) (int, bool, error) { return 0, false, k.call(c, at.back, p) }
			l.reset()
			l.closed(ctx, 8, min(2*time.Second, p.length))
			if len(l.times) == 0 {
				return fmt.Errorf("no %s succeeded: %w", k.name, l.first)
			}
		}
		if p.profile != "" {
			if _, err := product.ask("profile " + p.profile + "-" + k.name + "-" + at.Name + ".pprof"); err != nil {
				return err
			}
		}
		if err := p.turns(ctx, k.name+" ", k.rate, at, [2]*process{bare, product}, [2]*load{under, mine}, &r.Auth); err != nil {
			return err
		}
		if p.profile != "" {
			if _, err := product.ask("endprofile"); err != nil {
				return err
			}
		}
	}
	return nil
}

// judgeAuth compares the Auth API with its targets on one database. A target is "not met" when the wanted rate of the
// run is below the target's.
func (r *report) judgeAuth(p plan, db string) {
	for _, k := range []struct {
		name   string
		rate   float64
		target float64
		ratio  bool
	}{{"preauth", p.preauthRate, 5000, false}, {"auth", p.authRate, 2000, true}} {
		many := fmt.Sprintf("%s: %g %s/s, p99 under 100 ms", db, k.target, k.name)
		cost := fmt.Sprintf("%s: CPU for %s at most 3 times the floor's", db, k.name)
		worst, open := 0.0, signIns{}
		for _, s := range r.Auth {
			if s.Target != db || !strings.HasPrefix(s.Loop, k.name+" ") {
				continue
			}
			worst = max(worst, s.Ratio)
			if strings.HasPrefix(s.Loop, k.name+" open") {
				open = s
			}
		}
		if open.Done == 0 {
			r.unmeasured(many)
		} else {
			r.promise(many, k.rate >= k.target && open.Rate >= 0.97*k.rate && open.P99 < 100 && open.Errors == 0, "%.0f/s, p99 %.0f ms, %d errors", open.Rate, open.P99, open.Errors)
		}
		switch {
		case !k.ratio:
		case worst == 0:
			r.unmeasured(cost)
		default:
			r.promise(cost, worst <= 3, "%.1f times in the worst loop, %.1f at %s", worst, open.Ratio, open.Loop)
		}
	}
}
