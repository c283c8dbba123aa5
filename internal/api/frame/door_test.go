package frame_test

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/id"
	"countersign/internal/client/phone"
	"countersign/internal/domain/application"
	"countersign/internal/domain/audit"
	domain "countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
	"countersign/internal/testkit"
)

const (
	page   = "https://benefits.example.edu/login"
	origin = "https://benefits.example.edu"
)

// world is a running program with one application of the older kind.
type world struct {
	*testkit.Program
	t   *testing.T
	app application.Application
	key string
}

func start(t *testing.T, change ...func(*directory.ApplicationChange)) *world {
	w := &world{Program: testkit.Start(t), t: t}
	name, yes, enroll, off := "Benefits", true, policy.NewUserEnroll, policy.SpareOff
	c := directory.ApplicationChange{Name: &name, SelfService: &yes, Policy: directory.PolicyChange{NewUser: &enroll, Spare: &off}}
	for _, f := range change {
		f(&c)
	}
	a, plain, err := w.Directory.AddApplication(t.Context(), directory.CommandLine, application.TypeWebSDK2, c)
	if err != nil {
		t.Fatal(err)
	}
	w.app, w.key = a, plain.Reveal()
	return w
}

func (w *world) tx(prefix, name string) string {
	plain := fmt.Sprintf("%s|%s|%d", name, w.app.ID, w.Clock.Now().Add(300*time.Second).Unix())
	cookie := prefix + "|" + base64.StdEncoding.EncodeToString([]byte(plain))
	h := hmac.New(sha1.New, []byte(w.key))
	h.Write([]byte(cookie))
	return cookie + "|" + hex.EncodeToString(h.Sum(nil))
}

func address(tx, parent string) string {
	return "/frame/web/v1/auth?" + url.Values{"tx": {tx}, "parent": {parent}, "v": {"2.9"}}.Encode()
}

// open begins a sign-in and gives the browser and the address of the frame.
func (w *world) open(prefix, name string) (*testkit.Visitor, string) {
	w.t.Helper()
	v := w.Visitor()
	v.Open(address(w.tx(prefix, name), page))
	at := "/" + strings.Join(strings.Split(v.At.Path, "/")[1:3], "/")
	if !strings.HasPrefix(at, "/frame/") || !strings.Contains(at, ".") {
		w.t.Fatalf("the frame is at %s (%d):\n%s", v.At, v.Status, v.Page)
	}
	return v, at
}

func (w *world) code(d *phone.Device) string {
	w.t.Helper()
	code, err := d.Code(w.Clock.Now())
	if err != nil {
		w.t.Fatal(err)
	}
	return code
}

// answer is what the last page hands to the page around the frame.
func answer(v *testkit.Visitor) (prefix, name string) {
	parts := strings.Split(v.Must(`data-answer="([^"]+)"`), "|")
	if len(parts) != 3 {
		return parts[0], ""
	}
	plain, _ := base64.StdEncoding.DecodeString(parts[1])
	name, _, _ = strings.Cut(string(plain), "|")
	return parts[0], name
}

func (w *world) lastLog(name string) audit.Authentication {
	w.t.Helper()
	rows, err := w.DB.Read().Authentications(w.t.Context(), audit.Query{User: name, Limit: 1})
	if err != nil || len(rows) == 0 {
		w.t.Fatalf("no log row of %s: %v", name, err)
	}
	return rows[0]
}

// setUp walks the wizard to its picture and pairs a phone.
func (w *world) setUp(v *testkit.Visitor, at, number string) *phone.Device {
	w.t.Helper()
	v.Open(at + "/setup/type")
	v.Send(at+"/setup/type", "type", "mobile")
	v.Send(at+"/setup/number?type=mobile", "country", "US", "number", number, "sure", "1")
	if v.Status == http.StatusConflict {
		v.Send(at+"/setup/number?type=mobile", "country", "US", "number", number, "sure", "1", "replace", v.Must(`name="replace" value="([^"]+)"`))
	}
	v.Send(html.UnescapeString(v.Must(`action="([^"]+/setup/platform[^"]*)"`)), "platform", "android")
	v.Send(v.Must(`action="([^"]+/setup/install[^"]*)"`))
	d, err := phone.Pair(w.t.Context(), v.Must(`href="([^"]+/a/[^"]+)"`), phone.Options{HTTPClient: w.Client(), Name: "Ana's phone", Platform: "Test", Now: w.Clock.Now})
	if err != nil {
		w.t.Fatal(err)
	}
	v.Send(v.Must(`action="([^"]+/setup/activate[^"]*)"`), "code", v.Must(`name="code" value="([^"]+)"`))
	return d
}

func TestSomeoneSetsUpAPhoneInTheFrameAndTheNameComesBackAsSent(t *testing.T) {
	w := start(t)
	for _, c := range []struct{ prefix, answer string }{{"TX", "AUTH"}, {"ENROLL_REQUEST", "ENROLL"}} {
		name := "NORTHFIELD\\Ana " + c.prefix
		v, at := w.open(c.prefix, name)
		if v.Screen() != "setup-welcome" {
			t.Fatalf("%s: %s", v.Screen(), v.Page)
		}
		d := w.setUp(v, at, "858 534 2230")
		if v.Screen() != "setup-finish" || !strings.Contains(v.Page, "1 858-534-2230") {
			t.Fatalf("after pairing: %s\n%s", v.Screen(), v.Page)
		}
		if list, err := d.Requests(t.Context()); err != nil || len(list) != 0 {
			t.Errorf("setting up sent a request by itself: %v %v", list, err)
		}
		v.Send(at+"/setup/finish", "auto", "push")
		if v.Screen() != "frame-prompt" {
			t.Fatalf("%s", v.Screen())
		}
		ask, err := d.Find(t.Context(), "")
		if err != nil {
			t.Fatalf("the person asked for a request each time: %v", err)
		}
		number := v.Must(`data-number="(\d+)"`)
		if _, err := d.Approve(t.Context(), ask.Transaction, number); err != nil {
			t.Fatal(err)
		}
		v.Open(at)
		if prefix, who := answer(v); prefix != c.answer || who != name {
			t.Errorf("%s for %q", prefix, who)
		}
		w.Clock.Advance(signin.RepeatLife)
		if v.Open(at); v.Status != http.StatusGone {
			t.Errorf("the answer is given a second time: %d %s", v.Status, v.Page)
		}
		// The next time the request goes out by itself.
		again, _ := w.open("TX", name)
		if again.Find(`data-number="(\d+)"`) == "" {
			t.Errorf("no request at the start: %s", again.Page)
		}
	}
}

func TestNothingStartsUnlessThePersonWantsIt(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	if list, _ := d.Requests(t.Context()); len(list) != 0 || v.Screen() != "frame-prompt" {
		t.Errorf("%v on %s", list, v.Screen())
	}
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
		t.Errorf("%s %s", prefix, who)
	}
}

// C-31: the same record, a new key, also for a record that had no app yet.
func TestANumberThatIsKnownLeadsToItsOwnRecord(t *testing.T) {
	w := start(t)
	u := w.User("ana")
	old := domain.Phone{ID: id.Key(rand.Reader, id.Phone), UserID: u.ID, Name: "Old one", Number: "+18585342230", Type: domain.Mobile, Created: w.Clock.Now()}
	if err := w.DB.Write(t.Context(), func(st flow.Store) error { return st.CreatePhone(t.Context(), old) }); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	first := w.setUp(v, at, "(858) 534-2230")
	v.Send(at + "/setup/finish")
	v.Open(at + "/add?code=1")
	v.Send(at+"/add/code", "code", w.code(first))
	mine := strings.TrimSuffix(v.At.Path, "/setup/type")
	w.setUp(v, mine, "858.534.2230")
	phones, err := w.DB.Read().PhonesOf(t.Context(), u.ID)
	if err != nil || len(phones) != 1 || phones[0].ID != old.ID || !phones[0].Connected() || v.Screen() != "frame-devices" {
		t.Errorf("%s: %+v %v", v.Screen(), phones, err)
	}
	if _, err := first.Requests(t.Context()); !phone.Gone(err) {
		t.Errorf("the replaced phone still works: %v", err)
	}
}

func TestTheWizardBelievesOnlyWhatItAskedFor(t *testing.T) {
	w := start(t)
	other := w.User("ben")
	w.Phone(other, "Ben's phone")
	bens, err := w.DB.Read().PhonesOf(t.Context(), other.ID)
	if err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	for path, want := range map[string]string{
		"/setup/number":                                                  "setup-type",
		"/setup/platform?type=mobile":                                    "setup-number",
		"/setup/install?type=tablet":                                     "setup-platform",
		"/setup/activate?type=landline":                                  "setup-type",
		"/setup/activate?type=mobile&number=5":                           "setup-number",
		"/setup/activate?type=mobile&platform=ios&replace=" + bens[0].ID: "setup-number",
		"/setup/activate?type=tablet&platform=windows":                   "setup-platform",
		"/setup/finish":                                                  "setup-welcome",
	} {
		if v.Open(at + path); v.Screen() != want {
			t.Errorf("%s leads to %s, want %s", path, v.Screen(), want)
		}
	}
	v.Open(at + "/setup/number?type=mobile")
	for why, form := range map[string][]string{
		"no number": {"country", "US", "sure", "1"}, "not sure": {"country", "US", "number", "858 534 2230"},
		"other country": {"country", "DE", "number", "858"}, "no country": {"country", "<b>", "number", "8585342230", "sure", "1"},
	} {
		v.Send(at+"/setup/number?type=mobile", form...)
		if v.Status != http.StatusUnprocessableEntity || v.Screen() != "setup-number" {
			t.Errorf("%s: %d %s", why, v.Status, v.Screen())
		}
	}
	v.Send(at+"/setup/platform?type=tablet", "platform", "other")
	if v.Status != http.StatusUnprocessableEntity {
		t.Errorf("other: %d", v.Status)
	}
}

func TestNoAddressOpensAnothersSignInOrDevices(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	w.Phone(w.User("ben"), "Ben's phone")
	v, at := w.open("TX", "ana")
	token := v.Must(`name="form_token" value="([^"]+)"`)
	thief, bens := w.open("TX", "ben")
	theirs := thief.Must(`name="form_token" value="([^"]+)"`)
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	mine := v.At.Path
	session := mine[strings.LastIndexByte(mine, '/')+1:]

	id, _, _ := strings.Cut(at, ".")
	for _, path := range []string{id, id + ".", id + ".x", bens + "/my/" + session, bens + "/my/" + session + "/setup/type", bens + "/my/x"} {
		if thief.Open(path); strings.Contains(thief.Page, "Ana") || thief.Screen() == "frame-devices" {
			t.Errorf("%s shows %s", path, thief.Page)
		}
	}
	for _, c := range [][2]string{{at + "/push", theirs}, {at + "/leave", ""}, {mine + "/save", token}, {mine + "/done", theirs}} {
		if v.Send(c[0], "form_token", c[1]); v.Status != http.StatusForbidden {
			t.Errorf("%s with a token that is not its own: %d", c[0], v.Status)
		}
	}
	if cookies := v.Cookie(); cookies != "" {
		t.Errorf("the frame set a cookie: %s", cookies)
	}
	for _, secret := range []string{strings.TrimPrefix(at, "/frame/"), session, strings.Split(at, ".")[1]} {
		if strings.Contains(w.Log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// who was away proves again, and comes back where he was, as long as the sign-in lives.
func TestAnOldProofIsAskedForAgain(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	w.Clock.Advance(time.Minute)
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	mine := v.At.Path
	if v.Screen() != "frame-devices" {
		t.Fatalf("%s %s", v.Screen(), v.Page)
	}
	if v.Open(at + "/my/gone"); v.Screen() != "frame-verify" {
		t.Errorf("an unknown session leads to %s", v.Screen())
	}
	w.Clock.Advance(10 * time.Minute)
	v.Open(mine)
	v.Send(mine+"/save", "auto", "push")
	if v.Status != http.StatusGone { // the sign-in has ended too
		t.Errorf("%d %s", v.Status, v.Page)
	}
	u, _ := w.DB.Read().UserByName(t.Context(), "ana")
	if u.AutoAction != "" {
		t.Error("an old proof changed something")
	}
}

func TestPreferencesTakeWhatThereIs(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	other := w.User("ben")
	w.Phone(other, "Ben's phone")
	bens, _ := w.DB.Read().PhonesOf(t.Context(), other.ID)
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	mine := v.At.Path
	for _, form := range [][]string{{"auto", "call"}, {"auto", "x"}, {"default", bens[0].ID}, {"default", "DPX"}} {
		v.Open(mine)
		if v.Send(mine+"/save", form...); v.Status < 400 || v.Status >= 500 {
			t.Errorf("%v: %d", form, v.Status)
		}
	}
	v.Open(mine)
	v.Send(mine+"/save", "auto", "push", "default", d.Account().AccountID)
	if u, _ := w.DB.Read().UserByName(t.Context(), "ana"); u.AutoAction != "push" || u.DefaultPhone != d.Account().AccountID {
		t.Errorf("%+v", u)
	}
}

func TestWhoMayNotGoOnIsToldSoInTheFrame(t *testing.T) {
	require := policy.SpareRequire
	w := start(t, func(c *directory.ApplicationChange) { c.Policy.Spare = &require })
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	if !strings.Contains(v.Page, at+"/add") || strings.Contains(v.Page, "data-answer") {
		t.Errorf("a spare way is required: %s", v.Page)
	}
	status := user.Disabled
	if _, err := w.Directory.AddUser(t.Context(), directory.CommandLine, "eve", directory.UserChange{Status: &status}); err != nil {
		t.Fatal(err)
	}
	eve, at := w.open("TX", "eve")
	if eve.Screen() != "frame-refused" || eve.Status != http.StatusForbidden || w.lastLog("eve").Reason != audit.UserDisabled {
		t.Errorf("%s %d", eve.Screen(), eve.Status)
	}
	eve.Send(at + "/leave")
	if prefix, _ := answer(eve); prefix != "ERR" {
		t.Errorf("%s", eve.Page)
	}
	bad := w.Visitor()
	bad.Open(address(w.tx("TX", "an\x00a"), page))
	if prefix, _ := answer(bad); prefix != "ERR" {
		t.Errorf("a name that is none: %s", bad.Page)
	}
	if bad.Open(address(w.tx("TX", "\xff\xfe"), page)); bad.Find(`data-answer="(ERR[^"]*)"`) == "" {
		t.Errorf("a name that is no text: %s", bad.Page)
	}
	for range 5 {
		v, at := w.open("TX", "ana")
		v.Send(at+"/push", "device", d.Account().AccountID)
		v.Send(at + "/cancel")
	}
	v, at = w.open("TX", "ana")
	v.Send(at+"/push", "device", d.Account().AccountID)
	if v.Status != http.StatusTooManyRequests || !strings.Contains(v.Page, `name="code"`) {
		t.Errorf("paused requests leave the code: %d %s", v.Status, v.Page)
	}
}

// AC-047, X-49: exactly the origin that may frame, on every answer; nobody where the request is not proved.
func TestEveryAnswerNamesTheOneOriginThatMayFrameIt(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	_, at := w.open("TX", "ana")
	browser := w.Browser()
	ask := func(method, path string) http.Header {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, method, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if _, err := io.Copy(io.Discard, answer.Body); err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode >= 500 {
			t.Errorf("%s %s: %d", method, path, answer.StatusCode)
		}
		return answer.Header
	}
	ancestors := regexp.MustCompile(`frame-ancestors ([^;]+)`)
	check := func(what string, h http.Header, want string) {
		t.Helper()
		found := ancestors.FindStringSubmatch(h.Get("Content-Security-Policy"))
		if found == nil || found[1] != want || (h.Get("X-Frame-Options") == "DENY") != (want == "'none'") || h.Get("Referrer-Policy") != "same-origin" {
			t.Errorf("%s: %v, X-Frame-Options %q", what, found, h.Get("X-Frame-Options"))
		}
	}
	fill := regexp.MustCompile(`\{[^}]+\}`)
	for _, route := range w.Routes() {
		switch route.Package {
		case "site/frame":
			path := fill.ReplaceAllString(strings.Replace(strings.Replace(route.Pattern, "/frame/{key}", at, 1), "{session}", "nobody", 1), "x")
			if strings.HasSuffix(path, "/status") {
				path += "?since=-1"
			}
			check(route.Method+" "+route.Pattern, ask(route.Method, path), origin)
			check("unknown "+route.Pattern, ask(route.Method, strings.Replace(path, at, at+"x", 1)), "'none'")
		case "site/prompt", "site/portal", "site/phoneapp":
			check(route.Method+" "+route.Pattern, ask(route.Method, fill.ReplaceAllString(strings.ReplaceAll(route.Pattern, "{$}", ""), "x")), "'none'")
		}
	}
	good := w.tx("TX", "ana")
	check("a sign-in", ask("GET", address(good, page)), origin)
	check("a head", ask("HEAD", address(good, page)), origin)
	check("another origin", ask("GET", address(good, "http://127.0.0.1:9/x")), "http://127.0.0.1:9")
	check("no parent", ask("GET", address(good, "")), "'none'")
	if r := w.lastLog("ana").Reason; r != audit.NoReferrer {
		t.Errorf("logged as %s", r)
	}
	check("a bad parent", ask("GET", address(good, "https://a.example;/")), "'none'")
	check("a bad request", ask("GET", address(good+"0", page)), origin)
	check("no request", ask("GET", address("", page)), origin)
	check("a bad request without a page", ask("GET", address(good+"0", "")), "'none'")
	check("a bad request of a bad page", ask("GET", address(good+"0", "https://a.example;/")), "'none'")
	check("another method", ask("PUT", address(good, page)), "'none'")
	check("twice", ask("GET", address(good, page)+"&parent=https%3A%2F%2Fevil.example"), "'none'")
	check("an unknown address", ask("GET", "/frame/web/v1/else"), "'none'")

	hosts := []string{"app.example.edu"}
	if _, err := w.Directory.SetApplication(t.Context(), directory.CommandLine, w.app.ID, directory.ApplicationChange{FrameHosts: &hosts}); err != nil {
		t.Fatal(err)
	}
	check("a page not listed", ask("GET", address(good, page)), "'none'")
	if r := w.lastLog("ana").Reason; r != audit.InvalidReferrer {
		t.Errorf("logged as %s", r)
	}
	forged := good[:len(good)-40] + strings.Repeat("0", 40)
	check("a forged request of a page not listed", ask("GET", address(forged, page)), "'none'")
	check("a forged request of a page that is listed", ask("GET", address(forged, "https://app.example.edu/x")), "https://app.example.edu")
	check("a page that is listed", ask("GET", address(good, "https://app.example.edu/x")), "https://app.example.edu")
	w.Clock.Advance(7 * time.Minute)
	check("an old request", ask("GET", address(good, "https://app.example.edu/x")), "https://app.example.edu")
	off := true
	if _, err := w.Directory.SetApplication(t.Context(), directory.CommandLine, w.app.ID, directory.ApplicationChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	check("an application turned off", ask("GET", address(w.tx("TX", "ana"), "https://app.example.edu/x")), "https://app.example.edu")
}
