package server_test

import (
	"strings"
	"testing"

	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// payloads are texts that a person, a phone or an administrator may use as a name.
var payloads = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'><svg onload=alert(1)>`, `</title><script>1</script>`,
	`javascript:alert(1)//`, `{{.}}{{template "x"}}`, `<!--#exec-->`, "`${alert(1)}`", `" autofocus onfocus=alert(1) x="`, `</textarea><b>`,
}

// AC-048: every page shows a name as it was written, and never as markup.
func TestAC048NamesAreNeverMarkup(t *testing.T) {
	p := testkit.Start(t)
	back, _ := p.Callback()
	for i, bad := range payloads {
		organization, help := "Org "+bad, "Help "+bad
		if _, err := p.Directory.SetSettings(t.Context(), directory.CommandLine, directory.SettingsChange{Organization: &organization, Help: &help}); err != nil {
			t.Fatal(err)
		}
		app, key := p.App("App " + bad)
		name := string(rune('a'+i)) + strings.ToLower(bad)
		ana := p.User(string(rune('a' + i)))
		if _, err := p.Directory.SetUser(t.Context(), directory.CommandLine, ana.Username, directory.UserChange{RealName: &name}); err != nil {
			t.Fatal(err)
		}
		own, _ := p.Phone(ana, "Phone "+bad), p.Phone(ana, bad)
		seen := map[string]string{}
		v := p.Visitor()
		show := func(address string) {
			v.Open(address)
			seen[v.Screen()] = v.Page
		}
		v.SignIn(p.SDK(app, key, back), ana.Username)
		at := v.At.Path
		for _, page := range []string{"", "/code", "/ways", "/devices", "/devices/code"} {
			show(at + page)
		}
		code, err := own.Code(p.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		v.Send(at+"/devices/code", "code", code)
		for _, page := range []string{"/my", "/my/pair", "/my/device/" + own.Account().AccountID + "/rename", "/my/device/" + own.Account().AccountID + "/remove", "/my/device/nothing/rename"} {
			show(page)
		}
		show("/app/")
		stranger := p.Visitor() // an unknown user, whose name comes with the request
		stranger.SignIn(p.SDK(app, key, back), "x"+bad)
		seen["stranger "+stranger.Screen()] = stranger.Page
		for _, mail := range p.Inbox.Messages() {
			seen["mail "+mail.Subject] = mail.HTML
		}
		for screen, page := range seen {
			if strings.ContainsAny(bad, "<\"'") && strings.Contains(page, bad) {
				t.Errorf("%q stands as it is on %s", bad, screen)
			}
			if strings.Contains(page, `href="javascript:`) || strings.Contains(page, `action="javascript:`) {
				t.Errorf("%q became an address on %s", bad, screen)
			}
		}
		if len(seen) < 9 {
			t.Errorf("only %d pages were looked at", len(seen))
		}
	}
}
