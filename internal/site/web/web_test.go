package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"countersign/internal/base/errs"
)

var now = time.Date(2026, 11, 21, 14, 2, 0, 0, time.UTC)

// site returns a funnel with the real templates, and the log that it writes.
func site(t *testing.T) (*Site, *bytes.Buffer) {
	t.Helper()
	assets, err := NewAssets(Static())
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(Config{Assets: assets, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	return &Site{Pages: pages, Log: slog.New(slog.NewJSONHandler(&log, nil))}, &log
}

func TestClientIPIsTheRightMostUntrustedHopAndNeverMalformed_AC045(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		peer, want string
		header     []string
	}{
		"no proxy":                     {"192.0.2.1:4711", "192.0.2.1", nil},
		"untrusted peer is not asked":  {"192.0.2.1:4711", "192.0.2.1", []string{"198.51.100.9"}},
		"one hop":                      {"10.0.0.1:80", "198.51.100.9", []string{"198.51.100.9"}},
		"spoofed left part":            {"10.0.0.1:80", "198.51.100.9", []string{"203.0.113.7, 198.51.100.9"}},
		"two proxies":                  {"10.0.0.1:80", "198.51.100.9", []string{"203.0.113.7, 198.51.100.9, 10.2.2.2"}},
		"several headers are one list": {"10.0.0.1:80", "198.51.100.9", []string{"203.0.113.7", "198.51.100.9"}},
		"malformed is the peer":        {"10.0.0.1:80", "10.0.0.1", []string{"198.51.100.9, nonsense"}},
		"malformed further left only":  {"10.0.0.1:80", "198.51.100.9", []string{"nonsense, 198.51.100.9"}},
		"malformed behind a proxy":     {"10.0.0.1:80", "10.0.0.1", []string{"nonsense, 10.3.3.3"}},
		"empty header":                 {"10.0.0.1:80", "10.0.0.1", []string{""}},
		"no header":                    {"10.0.0.1:80", "10.0.0.1", nil},
		"all trusted":                  {"10.0.0.1:80", "10.9.9.9", []string{"10.9.9.9, 10.2.2.2"}},
		"with port":                    {"10.0.0.1:80", "198.51.100.9", []string{"198.51.100.9:1234"}},
		"IPv6":                         {"[fd00::1]:80", "2001:db8::7", []string{"2001:db8::7"}},
		"IPv6 with brackets and port":  {"[fd00::1]:80", "2001:db8::7", []string{"[2001:db8::7]:99"}},
		"IPv4 in IPv6":                 {"10.0.0.1:80", "198.51.100.9", []string{"::ffff:198.51.100.9"}},
		"zone is malformed":            {"10.0.0.1:80", "10.0.0.1", []string{"fe80::1%eth0"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.header
		if got := ClientIP(r, trusted); got.String() != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestTheFunnelTellsThePersonTheSentenceAndTheLogTheCause(t *testing.T) {
	s, log := site(t)
	h := RequestLog{Log: s.Log, Now: s.Pages.cfg.Now, Rand: strings.NewReader(strings.Repeat("x", 64))}.Wrap(
		s.Handle(func(http.ResponseWriter, *http.Request) error {
			return errs.New(errs.Gone, "login.stale").With(errors.New("row 17 is over"))
		}))
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/prompt/x", nil))
	body := rec.Body.String()
	if rec.Code != http.StatusGone || !strings.Contains(body, "This sign-in has ended") || strings.Contains(body, "row 17") {
		t.Errorf("%d %s", rec.Code, body)
	}
	ref := regexp.MustCompile(`Reference for the help desk: <bdi>([0-9A-Z]{4}-[0-9A-Z]{4})</bdi>`).FindStringSubmatch(body)
	if ref == nil || !strings.Contains(log.String(), ref[1]) || !strings.Contains(log.String(), "row 17 is over") {
		t.Errorf("reference %v, log %s", ref, log)
	}
}

func TestAPanicIsTheSamePageAsAnyInternalError(t *testing.T) {
	s, log := site(t)
	rec := httptest.NewRecorder()
	s.Handle(func(http.ResponseWriter, *http.Request) error { panic("secret detail") }).ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "secret") || !strings.Contains(rec.Body.String(), "Something went wrong") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "secret detail") {
		t.Error("the log does not say why")
	}
}

func TestAScriptGetsTheErrorAsJSON(t *testing.T) {
	s, _ := site(t)
	r := httptest.NewRequest("GET", "/status", nil)
	r.Header.Set("Accept", "application/json")
	rec := httptest.NewRecorder()
	s.Refuse(errs.New(errs.Limited, "rate.limit").Arg("retry", 90*time.Second)).ServeHTTP(rec, r)
	if rec.Code != 429 || rec.Header().Get("Retry-After") != "90" || !strings.Contains(rec.Body.String(), `"code":"rate.limit"`) {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
}

func TestABodyOverTheLimitIsRefusedWithoutA5xx(t *testing.T) {
	s, _ := site(t)
	h := s.Handle(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		return err
	})
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("POST", "/", strings.NewReader(strings.Repeat("x", FormLimit+1))))
	if rec.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d", rec.Code)
	}
}

func TestTheRequestLogHasTheRouteAndNoSecrets_AC055(t *testing.T) {
	s, log := site(t)
	mux := http.NewServeMux()
	mux.Handle("POST /prompt/{id}/code", s.Handle(func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}))
	h := RequestLog{Log: s.Log, Now: s.Pages.cfg.Now, Rand: bytes.NewReader(make([]byte, 64))}.Wrap(mux)
	r := httptest.NewRequest("POST", "/prompt/CANARY1/code?q=CANARY2", strings.NewReader("code=CANARY3"))
	r.Header.Set("Cookie", "k=CANARY4")
	r.Header.Set("Authorization", "CANARY5")
	h.ServeHTTP(httptest.NewRecorder(), r)
	line := log.String()
	if strings.Contains(line, "CANARY") || !strings.Contains(line, `"route":"POST /prompt/{id}/code"`) || !strings.Contains(line, `"status":204`) || !strings.Contains(line, `"client":"192.0.2.1"`) {
		t.Error(line)
	}
}

func TestCookiesAreHostBoundOverTLSAndPlainOnlyOnTheDemo_AC060(t *testing.T) {
	rec := httptest.NewRecorder()
	Cookies{}.Set(rec, "prompt", "v", time.Hour)
	Cookies{Plain: true}.Set(rec, "prompt", "v", 0)
	got := rec.Header()["Set-Cookie"]
	if got[0] != "__Host-prompt=v; Path=/; Max-Age=3600; HttpOnly; Secure; SameSite=Lax" || got[1] != "countersign-prompt=v; Path=/; HttpOnly; SameSite=Lax" {
		t.Errorf("%q", got)
	}
}

func TestAFormTokenIsGoodForItsSessionOnly(t *testing.T) {
	f := Forms{MAC: func(b []byte) []byte { m := hmac.New(sha256.New, []byte("key")); m.Write(b); return m.Sum(nil) }}
	post := func(token string) *http.Request {
		r := httptest.NewRequest("POST", "/", strings.NewReader(FormField+"="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return r
	}
	if err := f.Check(post(f.Token("a")), "a"); err != nil {
		t.Error(err)
	}
	for _, bad := range []*http.Request{post(f.Token("b")), post(""), post("%%%")} {
		if err := f.Check(bad, "a"); !errors.Is(err, ErrStaleForm) {
			t.Errorf("%v", err)
		}
	}
	if err := f.Check(post(f.Token("")), ""); !errors.Is(err, ErrStaleForm) {
		t.Error("an empty session has a good token")
	}
}

func TestAFormFromAnotherSiteDoesNothing(t *testing.T) {
	s, _ := site(t)
	h := SameOrigin(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }), s.Refuse(ErrForeignForm))
	r := httptest.NewRequest("POST", "/", nil)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != http.StatusForbidden || !strings.Contains(rec.Body.String(), "came from elsewhere") {
		t.Errorf("%d", rec.Code)
	}
}

func TestThePolicyNamesOnlyPlainOrigins(t *testing.T) {
	p := Policy("https://payroll.example.edu", "http://localhost:8080", "https://a.example/path", "https://x.example; script-src *", "javascript:alert(1)", "https://*")
	if !strings.HasSuffix(p, "form-action 'self' https://payroll.example.edu http://localhost:8080") {
		t.Error(p)
	}
}

func TestHeadersStandOnEveryAnswerAndHSTSOnlyWhenAskedFor(t *testing.T) {
	for _, hsts := range []bool{false, true} {
		rec := httptest.NewRecorder()
		Headers(HeaderOptions{HSTS: hsts}, http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequest("GET", "/app/x", nil))
		h := rec.Header()
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "same-origin" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" ||
			!strings.Contains(h.Get("Content-Security-Policy"), "frame-ancestors 'none'") || !strings.Contains(h.Get("Permissions-Policy"), "camera=(self)") ||
			(h.Get("Strict-Transport-Security") != "") != hsts {
			t.Errorf("%v", h)
		}
	}
}

func TestStaticFilesAreNamedByContentAndImportsFollow(t *testing.T) {
	a, err := NewAssets(fstest.MapFS{"a.js": {Data: []byte(`import { x } from "./b.js";`)}, "b.js": {Data: []byte("export const x = 1")}, "page.tmpl": {Data: []byte("no")}})
	if err != nil {
		t.Fatal(err)
	}
	b, _ := a.Path("b.js")
	if !bytes.Contains(a.Bytes("a.js"), []byte(b)) {
		t.Errorf("%s does not import %s", a.Bytes("a.js"), b)
	}
	rec := httptest.NewRecorder()
	a.ServeHTTP(rec, httptest.NewRequest("GET", b, nil))
	if rec.Code != 200 || !strings.Contains(rec.Header().Get("Cache-Control"), "immutable") || rec.Header().Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
	if _, err := a.Path("page.tmpl"); err == nil {
		t.Error("a template is served")
	}
	rec = httptest.NewRecorder()
	if a.ServeHTTP(rec, httptest.NewRequest("GET", "/static/b.js", nil)); rec.Code != 404 {
		t.Errorf("unhashed name: %d", rec.Code)
	}
}

func TestNamesCannotBreakOutOfASentence(t *testing.T) {
	w := Words{Now: now, Zone: time.FixedZone("org", 3600)}
	if got := w.T("page.help", "contact", `<b>"&`); got != "Help: <bdi>&lt;b&gt;&#34;&amp;</bdi>" {
		t.Error(got)
	}
	if got := w.T("push.hint.delivered", "time", w.Seconds(now)); got != `Delivered at <time datetime="2026-11-21T14:02:00Z">15:02:00</time>.` {
		t.Error(got)
	}
}

func TestTimesAreClockTimesInTheZoneOfTheOrganization(t *testing.T) {
	w := Words{Now: now, Zone: time.FixedZone("org", 3600)}
	for want, at := range map[string]time.Time{"15:32": now.Add(30 * time.Minute), "22 November, 00:02": now.Add(9 * time.Hour), "21 November 2027, 15:02": now.AddDate(1, 0, 0)} {
		if got := w.ClockText(at); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for want, at := range map[string]time.Time{">just now<": now.Add(-10 * time.Second), ">5 min ago<": now.Add(-5 * time.Minute), ">today at 10:02<": now.Add(-5 * time.Hour), ">yesterday<": now.Add(-24 * time.Hour), ">1 November<": now.AddDate(0, 0, -20)} {
		if got := string(w.Ago(at)); !strings.Contains(got, want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestADatabaseThatIsAwayIsNoServerError(t *testing.T) {
	s, _ := site(t)
	for _, err := range []error{errs.New(errs.Unavailable, "unavailable"), context.DeadlineExceeded} {
		rec := httptest.NewRecorder()
		s.Fail(rec, httptest.NewRequest("GET", "/", nil), err)
		if rec.Code != http.StatusTooManyRequests || rec.Header().Get("Retry-After") != "2" {
			t.Errorf("%v: %d, Retry-After %q", err, rec.Code, rec.Header().Get("Retry-After"))
		}
	}
}

func TestEveryErrorSentenceHasATitleThatFits(t *testing.T) {
	for _, k := range []errs.Kind{errs.Internal, errs.Invalid, errs.Denied, errs.Forbidden, errs.Unproved, errs.NotFound, errs.Conflict, errs.Gone, errs.Limited, errs.Unavailable} {
		e := errs.New(k, "no.such.code")
		if strings.Contains(Words{}.ErrorTitle(e)+Words{}.Error(e), "⟦") {
			t.Errorf("kind %s has no sentence", k)
		}
	}
}

func TestRenderingSpeaksForEachRequestAlone(t *testing.T) {
	s, _ := site(t)
	done := make(chan string)
	for i := range 8 {
		go func() {
			w := Words{Now: now, Zone: time.FixedZone("", i*3600)}
			e := errs.New(errs.Denied, "user.locked.until").Arg("time", now)
			html, err := s.Pages.Render(w, Message{Err: e})
			if err != nil || !bytes.Contains(html, []byte(w.ClockText(now))) {
				done <- w.ClockText(now)
				return
			}
			done <- ""
		}()
	}
	for range 8 {
		if missing := <-done; missing != "" {
			t.Errorf("%s is not on its page", missing)
		}
	}
}

func TestOutsideTheRequestLogThereIsNoReference(t *testing.T) {
	if RequestID(context.Background()) != "" || Client(context.Background()).IsValid() {
		t.Error("a reference from nowhere")
	}
}

func BenchmarkRender(b *testing.B) {
	assets, _ := NewAssets(Static())
	pages, err := New(Config{Assets: assets, Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	m := Message{Err: errs.New(errs.Gone, "login.stale"), Reference: "Q7KX-44M8"}
	for b.Loop() {
		if _, err := pages.Render(Words{Now: now}, m); err != nil {
			b.Fatal(err)
		}
	}
}
