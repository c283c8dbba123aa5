package command

import (
	"regexp"
	"strings"
	"testing"
)

// `app add` prints the lines of the client's own file, so that nobody has to translate the names of the settings.
func TestAnApplicationIsPrintedAsItsClientTakesIt(t *testing.T) {
	s := ready(t)
	for kind, want := range map[string]string{
		"unix": "For /etc/security/pam_duo.conf or /etc/security/login_duo.conf:\n\n" +
			"[duo]\nhost = localhost:1\nikey = ID\nskey = SECRET\ncafile = /etc/security/countersign-ca.pem\nfailmode = secure\npushinfo = yes\n\n" +
			"/etc/security/countersign-ca.pem on that host is a copy of " + s.dir + "/data/tls/ca.pem.\n",
		"authapi": "ikey = ID\nskey = SECRET\napi_host = localhost:1\n",
		"websdk2": "ikey = ID\nskey = SECRET\napi_host = localhost:1\nakey is for the application to make: ",
		"websdk":  "Client ID      ID\nClient secret  SECRET\nAPI host       localhost:1\n",
	} {
		text := s.ok("app", "add", "--name", "Sample "+kind, "--type", kind)
		id, secret := regexp.MustCompile(`DI[A-Z0-9]{18}`).FindString(text), regexp.MustCompile(`\b[A-Za-z0-9]{40}\b`).FindString(text)
		want = strings.NewReplacer("ID\n", id+"\n", "SECRET", secret).Replace(want)
		if id == "" || secret == "" || !strings.Contains(text, want) {
			t.Errorf("%s is added with\n%s\nnot with\n%s", kind, text, want)
		}
		if !strings.Contains(text, "countersign app show "+id+" --secret") {
			t.Errorf("%s: nothing says how to see the secret again: %s", kind, text)
		}
		if again := s.ok("app", "show", id, "--secret"); !strings.Contains(again, want) || strings.Count(again, secret) != 1 {
			t.Errorf("%s is shown with\n%s", kind, again)
		}
		if shown := s.ok("app", "show", id); strings.Contains(shown, secret) || strings.Contains(shown, "skey") {
			t.Errorf("%s is shown without being asked: %s", kind, shown)
		}
		if reset := s.ok("app", "reset-secret", id); strings.Contains(reset, secret) || !strings.Contains(reset, id) {
			t.Errorf("%s is reset with\n%s", kind, reset)
		}
	}
}

// Two applications may have the same name. A command that gets this name changes neither of them.
func TestANameOfTwoApplicationsIsNotGuessed(t *testing.T) {
	s := ready(t)
	s.ok("app", "add", "--name", "Payroll")
	s.ok("app", "add", "--name", "Payroll")
	for _, args := range [][]string{{"show"}, {"set", "--disabled"}, {"delete"}, {"reset-secret"}, {"hosts"}, {"forget-browsers"}} {
		args := append([]string{"app", args[0], "Payroll"}, args[1:]...)
		if code, out, bad := s.run(args...); code != exitFailed || out != "" || !strings.Contains(bad, "2 applications") || !strings.Contains(bad, "countersign app list") {
			t.Errorf("%v: exit %d: %s%s", args, code, out, bad)
		}
	}
	var all []appDoc
	s.json(&all, "app", "list")
	if len(all) != 2 || all[0].Disabled || all[1].Disabled {
		t.Errorf("%+v", all)
	}
}

func TestASettingThatATypeHasNoUseForIsRefused(t *testing.T) {
	s := ready(t)
	for _, args := range [][]string{
		{"--type", "unix", "--redirect-uri", "https://a.example.edu/"},
		{"--type", "websdk", "--frame-host", "a.example.edu"},
		{"--type", "websdk", "--dateless", "on"},
	} {
		code, _, bad := s.run(append([]string{"app", "add", "--name", "X"}, args...)...)
		if code != exitFailed || !strings.Contains(bad, "An application of type "+args[1]+" has no use for") {
			t.Errorf("%v: exit %d: %s", args, code, bad)
		}
	}
	if text := s.ok("app", "list"); !strings.Contains(text, "no applications") {
		t.Error(text)
	}
}
