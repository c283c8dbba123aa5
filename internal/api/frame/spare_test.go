package frame_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/policy"
	"countersign/internal/flow/directory"
)

// Decision 10: where two ways in are demanded, somebody with one is led to the wizard for the second, and from there on
// to the application. "Later" is no answer.
func TestARequiredSpareWayIsSetUpInTheFrame(t *testing.T) {
	require := policy.SpareRequire
	w := start(t, func(c *directory.ApplicationChange) { c.Policy.Spare = &require })
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "?code=1")
	v.Send(at+"/code", "code", w.code(d))
	if v.Screen() != "frame-spare" || v.Status != http.StatusOK || strings.Contains(v.Page, at+"/later") || v.Find(`<a class="button" href="([^"]+)"`) != at+"/add" {
		t.Fatalf("after the proof: %d %s\n%s", v.Status, v.Screen(), v.Page)
	}
	v.Send(at + "/later")
	if v.Open(at); v.Screen() != "frame-spare" {
		t.Errorf("\"Later\" leads to %s", v.Screen())
	}
	w.Clock.Advance(time.Minute)
	v.Open(at + "/add?code=1")
	v.Send(at+"/add/code", "code", w.code(d))
	if v.Screen() != "setup-type" {
		t.Fatalf("the proof leads to %s", v.Screen())
	}
	mine := strings.TrimSuffix(v.At.Path, "/setup/type")
	w.setUp(v, mine, "858 534 2230")
	if v.Screen() != "frame-devices" {
		t.Fatalf("the wizard leads to %s", v.Screen())
	}
	v.Send(mine + "/done")
	if prefix, who := answer(v); prefix != "AUTH" || who != "ana" {
		t.Errorf("%s %s", prefix, who)
	}
}
