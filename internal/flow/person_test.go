package flow_test

import (
	"errors"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/phone"
	"countersign/internal/domain/policy"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAPersonCanProveByDevicesWithAnAppAlone(t *testing.T) {
	works, silent := phone.Phone{ID: "works", KeyID: "k"}, phone.Phone{ID: "silent", Number: "+15551234567"}
	for _, c := range []struct {
		phones []phone.Phone
		ways   int
		only   string
	}{
		{nil, 0, ""},
		{[]phone.Phone{silent}, 0, "silent"},
		{[]phone.Phone{silent, works}, 1, "works"},
		{[]phone.Phone{works, {ID: "second", KeyID: "l"}}, 2, ""},
	} {
		p := flow.Person{Phones: c.phones}
		if p.WaysIn() != c.ways || p.CanProve() != (c.ways > 0) {
			t.Errorf("%v: %d ways in", c.phones, p.WaysIn())
		}
		for _, id := range []string{"works", "silent", "second", "unknown"} {
			if p.OnlyWayIn(id) != (id == c.only) {
				t.Errorf("%v: only way in %s: %v", c.phones, id, p.OnlyWayIn(id))
			}
		}
	}
}

func TestWhoMayEnrollInASignIn(t *testing.T) {
	day := 24 * time.Hour
	fresh := user.User{ID: "DU1", Created: noon.Add(-day)}
	lost := user.User{ID: "DU1", Created: noon.Add(-day), FirstEnrolled: noon.Add(-day)}
	for _, c := range []struct {
		what string
		user user.User
		pol  policy.Policy
		may  bool
	}{
		{"unknown", user.User{}, policy.Policy{}, true},
		{"never enrolled", fresh, policy.Policy{}, true},
		{"unused for long", user.User{ID: "DU1", Created: noon.Add(-91 * day)}, policy.Policy{}, false},
		{"had a device", lost, policy.Policy{InlineReenrollment: "off"}, false},
		{"had a device, may have another", lost, policy.Policy{InlineReenrollment: "on"}, true},
		{"policy allows no app", fresh, policy.Policy{Methods: []string{"smoke"}}, false},
		{"unknown, policy allows no app", user.User{}, policy.Policy{Methods: []string{"smoke"}}, false},
	} {
		p := flow.Person{User: c.user, Policy: c.pol, Settings: settings.Settings{DormantDays: 90}}
		if p.MayEnroll(noon) != c.may {
			t.Errorf("%s: %v", c.what, !c.may)
		}
	}
}

func TestWhoMayManageDevices(t *testing.T) {
	open := application.Application{SelfService: true}
	for _, c := range []struct {
		app    application.Application
		status user.Status
		err    error
	}{
		{open, user.Active, nil},
		{open, user.LockedOut, user.ErrLocked},
		{open, user.Bypass, user.ErrLocked},
		{application.Application{}, user.Active, flow.ErrManageOff},
		{application.Application{SelfService: true, Disabled: true}, user.Active, flow.ErrManageOff},
		{application.Application{SelfService: true, Deleted: noon}, user.Disabled, flow.ErrManageOff},
	} {
		if err := (flow.Person{User: user.User{Status: c.status}, Application: c.app}).MayManage(); !errors.Is(err, c.err) {
			t.Errorf("%+v, %s: %v", c.app, c.status, err)
		}
	}
}

// RULE-10
func TestRecordsOfOneDeviceCountOnce(t *testing.T) {
	d := func(id, instance, endpoint string) phone.Phone {
		return phone.Phone{ID: id, KeyID: id, Instance: []byte(instance), Endpoint: []byte(endpoint)}
	}
	for _, c := range []struct {
		what   string
		phones []phone.Phone
		want   int
	}{
		{"none", nil, 0},
		{"apps that say nothing", []phone.Phone{d("1", "", ""), d("2", "", "")}, 2},
		{"one storage", []phone.Phone{d("1", "a", "x"), d("2", "a", "y")}, 1},
		{"one address", []phone.Phone{d("1", "a", "x"), d("2", "b", "x")}, 1},
		{"the third joins two", []phone.Phone{d("1", "a", "x"), d("2", "b", "y"), d("3", "a", "y"), d("4", "c", "z")}, 2},
		{"no app", []phone.Phone{d("1", "a", ""), {ID: "2"}}, 1},
	} {
		if n := (flow.Person{Phones: c.phones}).Devices(phone.Phone.CanProve); n != c.want {
			t.Errorf("%s: %d devices, want %d", c.what, n, c.want)
		}
	}
}
