package prompt_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/login"
	"countersign/internal/testkit"
)

// waiting is a visitor at a page that waits for ana's phone.
func waiting(t *testing.T) (*testkit.Program, *testkit.Visitor) {
	t.Helper()
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	p.Phone(p.User("ana"), "Ana's phone")
	v := p.Visitor()
	v.SignIn(p.SDK(app, key, back), "ana")
	return p, v
}

// PAGE-1, WCAG 2.2.1: the page says when it closes, and "Keep going" gives the same time again, with a form alone.
func TestAPromptPageSaysWhenItClosesAndGivesMoreTime(t *testing.T) {
	p, v := waiting(t)
	if left := v.Must(`id="ending"[^>]* data-left="(\d+)"`); left != "600" && left != "599" {
		t.Errorf("%s seconds are left", left)
	}
	v.Must(`<form method="post" action="([^"]*/keep)"`)
	path := v.At.Path
	p.Clock.Advance(login.Life - 30*time.Second)
	v.Open(path + "/code")
	if left := v.Must(`data-left="(\d+)"`); len(left) != 2 {
		t.Errorf("%s seconds are left near the end", left)
	}
	v.Send(v.Must(`<form method="post" action="([^"]*/keep)"`), "back", v.Must(`name="back" value="([^"]*)"`))
	v.Must(`<form method="post" action="([^"]*/keep)"`)
	if v.Status != http.StatusOK || v.At.Path != path+"/code" || len(v.Must(`data-left="(\d+)"`)) != 3 {
		t.Fatalf("%d at %s:\n%s", v.Status, v.At, v.Page)
	}
	p.Clock.Advance(login.Life - 30*time.Second)
	v.Open(path)
	if v.Status != http.StatusOK {
		t.Errorf("the time that was given is not there: %d %s", v.Status, v.Page)
	}
	p.Clock.Advance(time.Minute)
	v.Open(path)
	if v.Status != http.StatusGone || v.Find(`(id="ending")`) != "" {
		t.Errorf("after its time it answers %d:\n%s", v.Status, v.Page)
	}
	v.Send(path + "/keep")
	if v.Status != http.StatusGone {
		t.Errorf("a page that is over is given time: %d", v.Status)
	}
}

func TestThereIsNoMoreTimeThanTenTimesTheSame(t *testing.T) {
	p, v := waiting(t)
	path := v.At.Path
	given := 0
	for range 2 * login.Extensions {
		p.Clock.Advance(login.Life - time.Second)
		v.Open(path)
		keep := v.Find(`<form method="post" action="([^"]*/keep)"`)
		if keep == "" {
			break
		}
		v.Send(keep)
		given++
	}
	if given != login.Extensions || v.Find(`(sign in again from the start)`) == "" {
		t.Errorf("time was given %d times, and then:\n%s", given, v.Page)
	}
}

func TestMoreTimeNeedsTheFormOfThePage(t *testing.T) {
	_, v := waiting(t)
	path := v.At.Path
	v.Page = ""
	v.Send(path + "/keep")
	if v.Status < 400 {
		t.Errorf("a form without its token gives %d", v.Status)
	}
	v.Open(path + "/keep")
	if v.Status != http.StatusMethodNotAllowed {
		t.Errorf("a link gives more time: %d", v.Status)
	}
}

// What is being typed stays: a script is told the new time and leaves the page as it is.
func TestAScriptIsToldTheNewTime(t *testing.T) {
	p, v := waiting(t)
	form := url.Values{"form_token": {v.Must(`name="form_token" value="([^"]*)"`)}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+v.At.Path+"/keep", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Requested-With", "countersign")
	r.Header.Set("Cookie", v.Cookie())
	answer, err := p.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "application/json" || len(answer.Cookies()) != 1 {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}
