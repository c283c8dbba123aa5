package server_test

import (
	"strings"
	"testing"

	"countersign/internal/client/phone"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// AC-032: what was used before the server stopped cannot be used after the next start. (A server that is killed keeps
// what it has acknowledged: AC-031 in sqlstore, and the crash tests in e2e.)
func TestAC032WhatWasUsedStaysUsedAfterARestart(t *testing.T) {
	testkit.EachDatabase(t, func(t *testing.T, database testkit.Option) {
		dir, clock := t.TempDir(), &testkit.Clock{}
		p := testkit.Start(t, database, testkit.InFolder(dir), testkit.WithClock(clock))
		back, _ := p.Callback()
		app, key := p.App("Library")
		ana := p.User("ana")
		own := p.Phone(ana, "Ana's phone")
		desk, err := p.Directory.MakeBypassCode(t.Context(), directory.CommandLine, "ana", directory.NewBypassRequest())
		if err != nil {
			t.Fatal(err)
		}
		counted, err := own.Code(clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		try := func(p *testkit.Program, code string) (in bool) {
			t.Helper()
			v := p.Visitor()
			v.SignIn(p.SDK(app, key, back), "ana")
			at := v.At.Path
			v.Open(at + "/code")
			v.Send(at+"/code", "code", code)
			return v.Left != nil || !strings.HasSuffix(v.At.Path, "/code")
		}
		codes := []string{counted, desk.Code.Reveal()}
		for _, code := range codes {
			if !try(p, code) {
				t.Fatalf("%s does not sign in", code)
			}
		}
		link := p.PairingCode(ana)
		if _, err := pair(t, p, link); err != nil {
			t.Fatal(err)
		}
		p.Stop()
		p = testkit.Start(t, database, testkit.InFolder(dir), testkit.WithClock(clock))
		for _, code := range codes {
			if try(p, code) {
				t.Errorf("%s signs in again", code)
			}
		}
		if _, err := pair(t, p, p.URL+link[strings.Index(link, "/a/"):]); err == nil {
			t.Error("the pairing link pairs again")
		}
	})
}

func pair(t *testing.T, p *testkit.Program, link string) (*phone.Device, error) {
	t.Helper()
	return phone.Pair(t.Context(), link, phone.Options{HTTPClient: p.Client(), Name: "Another", Platform: "Test", Now: p.Clock.Now})
}
