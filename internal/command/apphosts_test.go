package command

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/domain/application"
	"countersign/internal/flow"
)

// stored changes the instance's database, as a server beside the commands does.
func stored(s *shell, change func(flow.Store) error) {
	s.t.Helper()
	db, err := sqlstore.Open(s.t.Context(), sqlstore.Options{Path: filepath.Join(s.dir, "data", "countersign.db"), Unchecked: true})
	if err == nil {
		defer db.Close()
		err = db.Write(s.t.Context(), change)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// FAIL-6: the owner sees which hosts fail open.
func TestHostsThatFailOpenAreListedFirst(t *testing.T) {
	s := ready(t)
	var app appDoc
	s.json(&app, "app", "add", "--name", "Gateway", "--type", "unix")
	if text := s.ok("app", "hosts", "Gateway"); !strings.Contains(text, "No host has told") {
		t.Error(text)
	}
	if text := s.ok("app", "hosts", "Gateway", "--json"); strings.TrimSpace(text) != "[]" {
		t.Error(text)
	}
	stored(s, func(st flow.Store) error {
		for name, mode := range map[string]application.FailMode{"a.example.edu": application.FailsClosed, "b.example.edu": application.FailsOpen, "": application.FailsOpen} {
			if err := st.SeeHost(t.Context(), application.Host{ApplicationID: app.ClientID, Name: name, FailMode: mode, Seen: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
	var docs []hostDoc
	s.json(&docs, "app", "hosts", app.ClientID)
	if len(docs) != 3 || docs[0].Host != "" || docs[1].Host != "b.example.edu" || !docs[1].FailsOpen || docs[2].FailsOpen || docs[2].FailMode != "closed" || docs[2].LastSeen == nil {
		t.Errorf("%+v", docs)
	}
	text := s.ok("app", "hosts", "Gateway")
	if !regexp.MustCompile(`(?s)\(tells no name\) +LETS PEOPLE IN.*b.example.edu +LETS PEOPLE IN.*a.example.edu +lets nobody in.*2 of 3`).MatchString(text) {
		t.Error(text)
	}
	text = s.ok("app", "reset-secret", "Gateway")
	if shown := s.ok("app", "show", "Gateway"); !strings.Contains(text, "works beside it until") || !strings.Contains(text, "seen: 3. Of them, 2 let") || !strings.Contains(shown, "Old secret works until") {
		t.Error(text, shown)
	}
	var reset resetDoc
	s.json(&reset, "app", "reset-secret", "Gateway", "--overlap", "0")
	if shown := s.ok("app", "show", "Gateway"); reset.Hosts != 3 || reset.HostsOpen != 2 || reset.OldSecret != nil || strings.Contains(shown, "Old secret") {
		t.Errorf("%+v\n%s", reset, shown)
	}
	if code, _, bad := s.run("app", "reset-secret", "Gateway", "--overlap", "169h"); code != exitFailed || !strings.Contains(bad, "7 days") {
		t.Errorf("exit %d: %s", code, bad)
	}
	s.ok("app", "delete", "Gateway")
	stored(s, func(st flow.Store) error {
		if hosts, err := st.Hosts(t.Context(), app.ClientID); err != nil || len(hosts) != 0 {
			t.Errorf("after its deletion: %+v, %v", hosts, err)
		}
		return nil
	})
}
