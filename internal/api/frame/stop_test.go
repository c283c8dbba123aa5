package frame_test

import (
	"net/http"
	"strings"
	"testing"

	"countersign/internal/domain/login"
	"countersign/internal/domain/user"
	"countersign/internal/flow/directory"
)

// Decision 0022: an address that was handed on is of no use at top level, where no page takes the answer.
func TestAFrameIsNotOpenedByItself(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	_, at := w.open("TX", "ana")
	for _, path := range []string{at, at + "/settings", at + "/my/x", address(w.tx("TX", "ana"), page)} {
		status, _, body := w.fetch(path, "Sec-Fetch-Dest", "document", "Sec-Fetch-Mode", "navigate")
		if status != http.StatusForbidden || !strings.Contains(body, "belongs inside <bdi>Benefits</bdi>") || strings.Contains(body, "<form") || strings.Contains(body, "Ana") {
			t.Errorf("%s: %d %s", path, status, body)
		}
		for _, dest := range []string{"iframe", "empty", ""} {
			if status, _, body := w.fetch(path, "Sec-Fetch-Dest", dest); status != http.StatusOK || !strings.Contains(body, `<template id="outside" data-title="This page cannot`) { // for its script to show
				t.Errorf("%s as %q: %d", path, dest, status)
			}
		}
	}
}

// whoever gets the keys wrong reads why, and the page says nothing else.
func TestARequestThatDoesNotCheckOutIsExplainedInTheFrame(t *testing.T) {
	w := start(t)
	w.User("ana")
	good := w.tx("TX", "ana")
	mine := w.app.ID
	w.app.ID = "DI" + strings.Repeat("X", 18)
	unknown := w.tx("TX", "ana")
	w.app.ID = mine
	v := w.Visitor()
	for why, tx := range map[string]string{"forged": good[:len(good)-40] + strings.Repeat("0", 40), "garbage": "x", "none": "", "unknown": unknown} {
		v.Open(address(tx, page))
		if v.Screen() != "frame-refused" || v.Status != http.StatusBadRequest || !strings.Contains(v.Page, "does not work") {
			t.Errorf("%s: %d %s", why, v.Status, v.Screen())
		}
		for _, word := range []string{"ana", "Benefits", "Northfield", "<form", "href=\"/frame", "data-answer"} {
			if strings.Contains(v.Page, word) {
				t.Errorf("%s: the page has %s:\n%s", why, word, v.Page)
			}
		}
	}
}

// PAGE-3: every page has a way on.
func TestEveryDeadEndOfTheFrameHasAWayOn(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	back := func(why string, v interface{ Find(string) string }) {
		t.Helper()
		if !strings.HasPrefix(v.Find(`<button[^>]*id="answer" data-answer="([^"]+)"`), "ERR|") || v.Find(`data-parent="([^"]+)"`) != origin || v.Find(`(frame-answer)`) == "" {
			t.Errorf("%s: no way back to the application", why)
		}
	}
	old := w.tx("TX", "ana")
	v, at := w.open("TX", "ana")
	w.Clock.Advance(login.Life)
	if v.Open(at); v.Screen() != "frame-refused" || v.Status != http.StatusGone {
		t.Errorf("%s %d", v.Screen(), v.Status)
	}
	back("an old sign-in", v)
	if v.Open(address(old, page)); v.Screen() != "frame-refused" || !strings.Contains(v.Page, "Load the page of <bdi>Benefits</bdi> again") {
		t.Errorf("%s: %s", v.Screen(), v.Page)
	}
	back("an old request", v)

	v, at = w.open("TX", "ana")
	v.Send(at+"/push", "form_token", "x")
	if v.Status != http.StatusForbidden || v.Find(`<a class="button" href="([^"]+)"`) != at {
		t.Errorf("a form of another page: %d %s", v.Status, v.Page)
	}
	no := false
	if _, err := w.Directory.SetApplication(t.Context(), directory.CommandLine, w.app.ID, directory.ApplicationChange{SelfService: &no}); err != nil {
		t.Fatal(err)
	}
	if v.Open(at + "/settings"); v.Screen() != "frame-refused" || v.Find(`<a class="button" href="([^"]+)"`) != at {
		t.Errorf("devices turned off: %s", v.Page)
	}
	off := true
	if _, err := w.Directory.SetApplication(t.Context(), directory.CommandLine, w.app.ID, directory.ApplicationChange{Disabled: &off}); err != nil {
		t.Fatal(err)
	}
	v.Open(at)
	back("a sign-in whose application was turned off", v)
	v.Open(address(w.tx("TX", "ana"), page))
	back("an application turned off", v)
	if status, kind, _ := w.fetch(at+"/status?since=1", "Accept", "application/json"); status != http.StatusGone || !strings.HasPrefix(kind, "application/json") {
		t.Errorf("a script gets %d %s", status, kind)
	}
}

// B-02, X-01, X-02: no links that lead back to the same page.
func TestWhoIsRefusedIsOfferedNoDevicePages(t *testing.T) {
	w := start(t)
	w.Phone(w.User("ana"), "Ana's phone")
	status := user.Disabled
	if _, err := w.Directory.SetUser(t.Context(), directory.CommandLine, "ana", directory.UserChange{Status: &status}); err != nil {
		t.Fatal(err)
	}
	v, at := w.open("TX", "ana")
	for _, path := range []string{at, at + "/add", at + "/settings"} {
		if v.Open(path); v.Screen() != "frame-refused" || strings.Contains(v.Page, at+"/add") || strings.Contains(v.Page, at+"/settings\"") {
			t.Errorf("%s: %s\n%s", path, v.Screen(), v.Page)
		}
	}
}

// Nothing is left to do on the last page: no link, no time that runs out (decision 0025).
func TestTheLastPageLeadsNowhereElse(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	if v.Open(at + "?code=1"); !strings.Contains(v.Page, `id="ending"`) || !strings.Contains(v.Page, "/settings") {
		t.Fatalf("%s", v.Page)
	}
	v.Send(at+"/code", "code", w.code(d))
	if v.Screen() != "frame-answer" || strings.Contains(v.Page, `class="ending"`) || strings.Contains(v.Page, "/settings") {
		t.Errorf("%s %s", v.Screen(), v.Page)
	}
}
