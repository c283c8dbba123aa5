package command

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/testkit/pgtest"
)

// An empty database may stand where the one was that a key belongs to. Only init takes it for a new one, because a
// client that fails open lets people in when the server does not know its application (AC-020, AC-082).
func TestOnlyInitBeginsAnewInAnEmptyDatabase(t *testing.T) {
	for name, dsn := range map[string]string{"SQLite": "", "PostgreSQL": pgtest.New(t)} {
		t.Run(name, func(t *testing.T) {
			s := newShell(t)
			data := filepath.Join(s.dir, "data")
			args := []string{"init", "--data", data, "--public-url", "https://localhost:1"}
			if dsn != "" {
				args = append(args, "--database", dsn)
			}
			s.ok(args...)
			s.ok("app", "add", "--name", "Payroll")
			if dsn == "" {
				for _, f := range []string{"", "-wal", "-shm", ".closed"} {
					_ = os.Remove(filepath.Join(data, "countersign.db"+f)) // not all are there
				}
			} else {
				text, err := os.ReadFile(s.config)
				if err != nil {
					t.Fatal(err)
				}
				other := strings.Replace(string(text), dsn, pgtest.New(t), 1)
				if err := os.WriteFile(s.config, []byte(other), 0o600); err != nil || other == string(text) {
					t.Fatalf("%v: %s", err, text)
				}
			}
			s.ok("migrate") // makes the tables, and no instance
			for _, args := range [][]string{{"app", "list"}, {"user", "add", "ana"}, {"app", "list"}} {
				if code, _, bad := s.run(args...); code != exitFailed || !strings.Contains(bad, "empty") || !strings.Contains(bad, "countersign init") {
					t.Errorf("%v: exit %d: %s", args, code, bad)
				}
			}
			if code, out, _ := s.run("doctor"); code != exitFailed || !strings.Contains(out, "fail  master_key") {
				t.Errorf("exit %d: %s", code, out)
			}
			s.ok("init") // as the configuration says
			if text := s.ok("app", "list"); strings.Contains(text, "Payroll") {
				t.Error(text)
			}
			if code, _, bad := s.run("init"); code != exitFailed || !strings.Contains(bad, "set up already") {
				t.Errorf("exit %d: %s", code, bad)
			}
		})
	}
}
