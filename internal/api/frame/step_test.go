package frame_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/policy"
	"countersign/internal/flow/directory"
)

// RULE-10: where two ways in are demanded, somebody with one is led to the wizard for the second, and from there on
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

// D-31: whoever uses this computer next does not find the devices of somebody who has signed in.
func TestTheDevicePagesEndWithTheirSignIn(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	mine := v.At.Path
	if v.Screen() != "frame-devices" {
		t.Fatalf("the proof leads to %s", v.Screen())
	}
	v.Open(at)
	if prefix, _ := answer(v); prefix != "AUTH" {
		t.Fatalf("the sign-in leads to %s", v.Screen())
	}
	for _, path := range []string{mine, mine + "/setup/type", mine + "/device/" + d.Account().AccountID + "/rename"} {
		if v.Open(path); v.Status != http.StatusGone || strings.Contains(v.Page, "Ana") {
			t.Errorf("%s: %d %s", path, v.Status, v.Screen())
		}
	}
}

// B-07, RULE-5: an approval for the devices is the sign-in too, so the sign-in shows the request and takes it back.
func TestARequestForTheDevicesIsSeenAtTheSignIn(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings")
	v.Send(at+"/settings/push", "device", d.Account().AccountID)
	v.Open(at)
	if v.Find(`data-number="(\d+)"`) == "" || !strings.Contains(v.Page, at+`/cancel"`) {
		t.Fatalf("the sign-in does not show it: %s", v.Page)
	}
	v.Send(at + "/cancel")
	if list, err := d.Requests(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("it is still there: %v %v", list, err)
	}
}

// B-08: with nothing to prove with, setting up comes first.
func TestSomebodyNewIsLedFromTheDevicePagesToTheWizard(t *testing.T) {
	w := start(t)
	v, at := w.open("TX", "newcomer")
	for _, path := range []string{"/add", "/settings"} {
		if v.Open(at + path); v.Status != http.StatusOK || v.Screen() != "setup-welcome" {
			t.Errorf("%s: %d %s", path, v.Status, v.Screen())
		}
	}
}

// D-14: of a device that another window removed, the page says that it is gone, and leads back to the list.
func TestADeviceRemovedElsewhereIsSaidToBeGone(t *testing.T) {
	w := start(t)
	d := w.Phone(w.User("ana"), "Ana's phone")
	v, at := w.open("TX", "ana")
	v.Open(at + "/settings?code=1")
	v.Send(at+"/settings/code", "code", w.code(d))
	mine := v.At.Path
	v.Open(mine + "/device/DPGONE/rename")
	if v.Status != http.StatusNotFound || v.Find(`(not on your list any more)`) == "" || v.Find(`<a class="button" href="([^"]+)"`) != mine {
		t.Errorf("%d %s", v.Status, v.Page)
	}
}
