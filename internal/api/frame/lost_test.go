package frame_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
	"countersign/internal/flow/signin"
)

// fetch asks for an address as a script or a browser of another mind would, and gives what came.
func (w *world) fetch(path string, header ...string) (status int, kind, body string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	got, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer got.Body.Close()
	raw, err := io.ReadAll(got.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return got.StatusCode, got.Header.Get("Content-Type"), string(raw)
}

// The bar at the foot is taken from a page that the script fetches. An approval may come just before.
func TestAPageTakenForItsBarUsesNothingUp(t *testing.T) {
	for _, how := range [][]string{{"X-Part", "bar"}, {"Sec-Fetch-Mode", "cors"}} {
		for _, section := range []string{"", "/settings"} {
			w := start(t)
			d := w.Phone(w.User("ana"), "Ana's phone")
			v, at := w.open("TX", "ana")
			v.Open(at + section)
			v.Send(at+section+"/push", "device", d.Account().AccountID)
			if status, kind, body := w.fetch(at+section, how...); status != http.StatusOK || !strings.Contains(kind, "html") || !strings.Contains(body, `id="live"`) {
				t.Fatalf("%v: a waiting page has its bar: %d %s", how, status, kind)
			}
			ask, err := d.Find(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Approve(t.Context(), ask.Transaction, v.Must(`data-number="(\d+)"`)); err != nil {
				t.Fatal(err)
			}
			status, kind, body := w.fetch(at+section, how...)
			if status != http.StatusOK || !strings.HasPrefix(kind, "application/json") || !strings.Contains(body, `"next":"`+at+section+`"`) || strings.Contains(body, "AUTH") {
				t.Fatalf("%v %s: %d %s %s", how, section, status, kind, body)
			}
			v.Open(at + section)
			if section != "" {
				if v.Screen() != "frame-devices" {
					t.Errorf("%v: the proof is used up: %s", how, v.Screen())
				}
				continue
			}
			if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
				t.Errorf("%v: %s %s", how, prefix, who)
			}
		}
	}
}

// RULE-2: as at the other doors, a page lost on the way loses no sign-in, and one answer is all there is.
func TestALostAnswerIsGivenAgainForAMinute(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	first := v.Must(`data-answer="([^"]+)"`)
	w.Clock.Advance(signin.RepeatLife - time.Second)
	if v.Open(at); v.Find(`data-answer="([^"]+)"`) != first {
		t.Errorf("not the same answer: %d %s", v.Status, v.Page)
	}
	stranger := w.Visitor()
	for _, path := range []string{at[:strings.LastIndexByte(at, '.')], at + "x"} {
		if stranger.Open(path); strings.Contains(stranger.Page, "AUTH") {
			t.Errorf("%s has the answer", path)
		}
	}
	if v.Open(at + "/settings"); v.Status != http.StatusGone {
		t.Errorf("a finished sign-in opens %s", v.Screen())
	}
	w.Clock.Advance(time.Second)
	if v.Open(at); v.Status != http.StatusGone || strings.Contains(v.Page, "AUTH") {
		t.Errorf("after a minute: %d %s", v.Status, v.Page)
	}
}

// AC-014.
func TestALostAnswerIsNotGivenAgainToSomebodyTurnedOff(t *testing.T) {
	w := start(t)
	u := w.User("ana")
	d := w.Phone(u, "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	v.Must(`data-answer="(AUTH[^"]+)"`)
	status := user.Disabled
	if _, err := w.Directory.SetUser(t.Context(), directory.CommandLine, "ana", directory.UserChange{Status: &status}); err != nil {
		t.Fatal(err)
	}
	if v.Open(at); v.Status < 400 || strings.Contains(v.Page, "AUTH") {
		t.Errorf("%d %s", v.Status, v.Page)
	}
}
