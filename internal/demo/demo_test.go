package demo_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/demo"
	"countersign/internal/server"
)

// show runs the demo until the test ends and returns what it printed.
func show(t *testing.T, dir string) (demo.Ready, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, demo.Options{Listen: "127.0.0.1:0", DataDir: dir, JSON: true, Out: in, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
		in.CloseWithError(err)
		done <- err
	}()
	var ready demo.Ready
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		cancel()
		t.Fatalf("no line of JSON: %v", err)
	}
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("the demo ended with %v", err)
			}
		case <-time.After(time.Minute):
			t.Error("the demo does not end")
		}
	}
	t.Cleanup(stop)
	return ready, stop
}

// person is a browser without a screen that follows redirects and fills in forms.
type person struct {
	t    *testing.T
	http *http.Client
	at   *url.URL
	page string
	code int
}

func newPerson(t *testing.T) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &person{t: t, http: &http.Client{Jar: jar, Transport: transport, Timeout: 40 * time.Second}}
}

func (p *person) took(r *http.Response, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	p.at, p.page, p.code = r.Request.URL, string(body), r.StatusCode
}

func (p *person) open(address string) { p.t.Helper(); p.took(p.http.Get(address)) }

func (p *person) send(path string, fields ...string) {
	p.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	to, err := p.at.Parse(path)
	if err != nil {
		p.t.Fatal(err)
	}
	p.took(p.http.PostForm(to.String(), form))
}

// find returns the group of the first match on the page.
func (p *person) find(pattern string) string {
	p.t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(p.page)
	if m == nil {
		p.t.Fatalf("%s (status %d) has no %s:\n%s", p.at, p.code, pattern, p.page)
	}
	return m[1]
}

func TestTheDemoSaysWhereEverythingIs(t *testing.T) {
	ready, _ := show(t, t.TempDir())
	if !strings.HasPrefix(ready.URL, "http://localhost:") || len(ready.Applications) != 4 || len(ready.Users) < 4 {
		t.Fatalf("%+v", ready)
	}
	a := ready.Applications[0]
	if a.Type != "websdk" || len(a.ClientID) != 20 || len(a.ClientSecret) != 40 || !strings.HasPrefix(a.APIHost, "localhost:") {
		t.Errorf("application %+v", a)
	}
	for i, kind := range []string{"websdk", "websdk2", "authapi", "unix"} {
		if a := ready.Applications[i]; a.Type != kind || len(a.ClientID) != 20 || len(a.ClientSecret) != 40 || (kind == "websdk2") != (len(a.AKEY) >= 40) {
			t.Errorf("application %+v", a)
		}
	}
	enrolled := map[string]bool{}
	for _, u := range ready.Users {
		enrolled[u.Username] = u.Enrolled
	}
	if !enrolled["ana"] || !enrolled["ben"] || enrolled["cy"] || enrolled["dora"] {
		t.Errorf("enrolled: %v", enrolled)
	}
	info, err := os.Stat(filepath.Join(ready.DataDir, "countersign.toml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("configuration file: %v %v", info, err)
	}
	p := newPerson(t)
	for _, address := range []string{ready.URL, ready.SampleAppURL, ready.FramedAppURL, ready.InboxURL, ready.PhoneURL, ready.InboxURL + ".json"} {
		p.open(address)
		if p.code != http.StatusOK || strings.Contains(p.page, "⟦") {
			t.Errorf("%s: status %d\n%s", address, p.code, p.page)
		}
	}
	p.open(strings.Replace(ready.URL, "localhost", "127.0.0.1", 1))
	if p.at.Hostname() != "localhost" {
		t.Errorf("127.0.0.1 leads to %s", p.at)
	}
}

func TestAnaSignsInToTheSampleApplicationWithHerVirtualPhone(t *testing.T) {
	ready, _ := show(t, t.TempDir())
	p := newPerson(t)
	p.open(ready.SampleAppURL)
	p.send("/sample/login", "username", "ana", "password", "wrong")
	if !strings.Contains(p.page, "Wrong name or password") {
		t.Fatalf("wrong password: %s", p.page)
	}
	p.send("/sample/login", "username", "ana", "password", "demo")
	if !strings.HasPrefix(p.at.Path, "/prompt/") {
		t.Fatalf("the browser is at %s (%d): %s", p.at, p.code, p.page)
	}
	prompt, token := p.at.Path, p.find(`name="form_token" value="([^"]+)"`)
	number := strings.Join(regexp.MustCompile(`<span[^>]*>(\d)</span>`).FindAllString(p.page, -1), "")
	number = regexp.MustCompile(`\D`).ReplaceAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(number, ""), "")
	if len(number) != 3 {
		t.Fatalf("no number of three digits on the page: %q\n%s", number, p.page)
	}

	phone := newPerson(t)
	phone.open(ready.PhoneURL)
	phone.open(ready.PhoneURL + "/" + phone.find(`href="/demo/phone/([A-Z0-9]+)"[^>]*><span>Open the phone of <bdi>ana`))
	phone.send(phone.at.Path, "transaction", phone.find(`name="transaction" value="([^"]+)"`), "answer", "approve", "number", number)
	if !strings.Contains(phone.page, "Approved.") {
		t.Fatalf("the phone says: %s", phone.page)
	}
	p.open(strings.TrimSuffix(ready.URL, "/") + prompt)
	if strings.Contains(p.page, prompt+"/later") {
		p.send(prompt+"/later", "form_token", token)
	}
	if !strings.Contains(p.page, "Signed in as") {
		p.send(prompt+"/continue", "form_token", token)
	}
	if !strings.Contains(p.page, "Signed in as <strong>ana</strong> by <strong>") || p.at.Path != "/sample/" {
		t.Fatalf("after the approval the browser is at %s (%d): %s", p.at, p.code, p.page)
	}
}

func TestTheBackButtonAfterTheReturnDoesNotSignIn(t *testing.T) { // PAGE-6
	ready, _ := show(t, t.TempDir())
	p := newPerson(t)
	p.open(ready.SampleAppURL)
	p.send("/sample/login", "username", "ana", "password", "demo")
	p.open(ready.SampleAppURL)
	if strings.Contains(p.page, "Signed in as") {
		t.Error("leaving the prompt half way signs in")
	}
	p.open(ready.SampleAppURL + "callback?state=0123456789012345678901&duo_code=abc")
	if strings.Contains(p.page, "Signed in as") || p.code != http.StatusForbidden {
		t.Error("a made-up return signs in")
	}
	if p.open(ready.SampleAppURL + "callback?state=0123456789012345678901&duo_code=abc"); !strings.Contains(p.page, "Sign in again") {
		t.Errorf("the page does not say what to do: %s", p.page)
	}
}

func TestADemoLeavesAFolderAloneWhereAnotherIsAtWork(t *testing.T) {
	dir := t.TempDir()
	show(t, dir)
	file := filepath.Join(dir, "countersign.toml")
	before, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Run(t.Context(), demo.Options{Listen: "127.0.0.1:0", DataDir: dir}); !errors.Is(err, server.ErrOccupied) {
		t.Errorf("a second one: %v", err)
	}
	if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
		t.Errorf("the first one's configuration was changed: %v", err)
	}
}

func TestASecondRunInTheSameFolderKeepsEverything(t *testing.T) {
	dir := t.TempDir()
	first, stop := show(t, dir)
	stop()
	second, _ := show(t, dir)
	if first.URL != second.URL || first.Applications[0] != second.Applications[0] || first.CAFile != second.CAFile {
		t.Errorf("first %+v\nsecond %+v", first, second)
	}
	p := newPerson(t)
	p.open(second.PhoneURL)
	p.open(second.PhoneURL + "/" + p.find(`href="/demo/phone/([A-Z0-9]+)"[^>]*><span>Open the phone of <bdi>ana`))
	if !strings.Contains(p.page, "No request is waiting") {
		t.Errorf("Ana's phone: %s", p.page)
	}
}
