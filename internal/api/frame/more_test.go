package frame_test

import (
	"net/http"
	"testing"
	"time"

	"countersign/internal/domain/login"
)

// PAGE-1, WCAG 2.2.1: also in the frame and on its device pages. After an hour the application takes no answer, so no
// more is given then.
func TestAFrameIsKeptOpenForAnHourAtMost(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	w.Clock.Advance(login.Life - time.Second)
	v.Open(at + "?code=1")
	v.Send(v.Must(`<form method="post" action="([^"]*/keep)"`))
	if v.Screen() != "frame-prompt" || len(v.Must(`id="ending"[^>]* data-left="(\d+)"`)) != 3 {
		t.Fatalf("%d at %s:\n%s", v.Status, v.At, v.Page)
	}
	w.Clock.Advance(login.Life - time.Second)
	v.Open(at + "/settings")
	v.Send(at+"/settings/code", "code", w.code(d))
	if v.Screen() != "frame-devices" {
		t.Fatalf("device pages: %s", v.Screen())
	}
	here := v.At.Path
	keep := v.Must(`<form method="post" action="([^"]*/keep)"`)
	v.Page = v.Find(`(?s)(<section id="ending".*?</section>)`) // its own form token, not that of the device pages
	v.Send(keep, "back", here)
	if v.Status != http.StatusOK || v.At.Path != here {
		t.Errorf("on the device pages: %d\n%s", v.Status, v.Page)
	}
	for range 10 {
		w.Clock.Advance(9 * time.Minute)
		if v.Open(here); v.Status != http.StatusOK {
			break
		}
		v.Page = v.Find(`(?s)(<section id="ending".*?</section>)`)
		if v.Send(keep, "back", here); v.Find(`(sign in again from the start)`) != "" {
			break
		}
	}
	if v.Find(`(sign in again from the start)`) == "" {
		t.Errorf("near the hour:\n%s", v.Page)
	}
}
