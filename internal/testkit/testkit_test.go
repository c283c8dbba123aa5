package testkit_test

import (
	"testing"
	"time"

	"countersign/internal/base/phonewire"
	"countersign/internal/testkit"
	"countersign/internal/testkit/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestAVisitorSignsInByPhoneThroughTheOfficialClient(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		p := testkit.Start(t, database)
		back, _ := p.Callback()
		app, key := p.App("Library")
		phone := p.Phone(p.User("ana"), "Ana's phone")
		sdk := p.SDK(app, key, back)
		if _, err := sdk.HealthCheck(); err != nil {
			t.Fatal(err)
		}
		v := p.Visitor()
		state := v.SignIn(sdk, "ana")
		number := v.Number()
		if len(number) != 3 {
			t.Fatalf("screen %q (%d) shows number %q\n%s", v.Screen(), v.Status, number, v.Page)
		}
		if out, err := phone.Approve(t.Context(), "", number); err != nil || out.State != "approved" {
			t.Fatalf("%+v %v", out, err)
		}
		path := v.At.Path
		v.Open(path)
		if v.Find(`(`+path+`/later)`) != "" {
			v.Send(path + "/later")
		}
		if v.Left == nil {
			v.Send(path + "/continue")
		}
		if v.Left == nil || v.Left.Query().Get("state") != state {
			t.Fatalf("the visitor is at %s, screen %s, and went to %v\n%s", v.At, v.Screen(), v.Left, v.Page)
		}
		code := v.Left.Query().Get("duo_code") + v.Left.Query().Get("code")
		result, err := sdk.ExchangeAuthorizationCodeFor2faResult(code, "ana")
		if err != nil || result.AuthResult.Result != "allow" {
			t.Fatalf("%+v %v", result, err)
		}
		if _, err := sdk.ExchangeAuthorizationCodeFor2faResult(code, "ana"); err == nil {
			t.Error("the code works twice")
		}
	})
}

func TestARequestNobodyAnswersTimesOutByTheClock(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	app, key := p.App("Library")
	phone := p.Phone(p.User("ana"), "Ana's phone")
	p.Visitor().SignIn(p.SDK(app, key, back), "ana")
	open, err := phone.Requests(t.Context())
	if err != nil || len(open) != 1 {
		t.Fatalf("%v %v", open, err)
	}
	p.Clock.Advance(61 * time.Second)
	deadline := time.Now().Add(time.Minute)
	for {
		at, err := p.DB.Read().TransactionByID(t.Context(), open[0].Transaction)
		if err != nil {
			t.Fatal(err)
		}
		if at.State == "timed_out" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the request is %s a minute later", at.State)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestASignInWakesThePhoneThroughItsPushService(t *testing.T) {
	service, option := testkit.PushService(t)
	p := testkit.Start(t, option)
	back, _ := p.Callback()
	app, key := p.App("Library")
	phone := p.Phone(p.User("ana"), "Ana's phone")
	sub := service.Subscribe(p.Push.PublicKey)
	if err := phone.Subscribe(t.Context(), phonewire.Subscription{Endpoint: sub.Endpoint, P256DH: sub.P256dh, Auth: sub.Auth, Permission: "granted"}); err != nil {
		t.Fatal(err)
	}
	arrived := service.Arrived()
	p.Visitor().SignIn(p.SDK(app, key, back), "ana")
	select {
	case <-arrived:
	case <-time.After(time.Minute):
		t.Fatalf("no alert arrived; faults: %v", service.Faults())
	}
	if faults := service.Faults(); len(faults) > 0 {
		t.Error(faults)
	}
}
