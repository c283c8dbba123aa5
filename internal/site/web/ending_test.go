package web

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheCountStandsBeforeTheQuestion(t *testing.T) {
	e := Ending{Until: time.Date(2026, 3, 5, 14, 3, 25, 0, time.UTC), Path: "/keep"}
	if got := e.Count(Words{}); got != "This page closes at 14:03:25, in {n}\u00a0s. Do you need more time?" {
		t.Error(got)
	}
	e.Path = ""
	if got := e.Count(Words{}); got != "This page closes at 14:03:25, in {n}\u00a0s. After that, sign in again from the start." {
		t.Error(got)
	}
}

func TestAFormForMoreTimeComesBackToItsPageAndNowhereElse(t *testing.T) {
	for sent, want := range map[string]string{
		"/prompt/x/code":             "/prompt/x/code",
		"/prompt/x/enroll?a=b":       "/prompt/x/enroll?a=b",
		"/prompt/x/enroll/mail":      "/prompt/x/enroll", // the answer to a form
		"/prompt/x":                  "/prompt/x",
		"/prompt/x/push":             "/prompt/x",
		"":                           "/prompt/x",
		"/prompt/xy":                 "/prompt/x",
		"/prompt/x/../../app":        "/prompt/x",
		"/prompt/x/%2e%2e/%2e%2e/my": "/prompt/x",
		"//evil.example/prompt/x/a":  "/prompt/x",
		"https://evil.example/":      "/prompt/x",
		"https:/prompt/x/a":          "/prompt/x",
		"/prompt/x/\n\\evil":         "/prompt/x",
	} {
		r := httptest.NewRequest(http.MethodPost, "/prompt/x/keep", strings.NewReader(url.Values{"back": {sent}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := Back(r, "/prompt/x", "push", "mail"); got != want {
			t.Errorf("%q leads to %q, want %q", sent, got, want)
		}
	}
}
