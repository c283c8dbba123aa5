package command

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/internal/server"
	"countersign/internal/server/config"
)

// A stop after the database file was created and before anything was written leaves an empty file. Nothing is lost.
func TestInitGoesOnWithADatabaseFileThatNothingWasWrittenTo(t *testing.T) {
	s := newShell(t)
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"countersign.db": "", "countersign.db-journal": strings.Repeat("\x00", 512)} {
		if err := os.WriteFile(filepath.Join(data, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.ok("init", "--data", data, "--public-url", "https://localhost:1")
	s.ok("app", "add", "--name", "Payroll")
}

// When there is a key, an empty file means that the database was lost.
func TestInitKeepsItsHandsOffAnEmptyFileThatAKeyBelongsTo(t *testing.T) {
	s := ready(t)
	file := filepath.Join(s.dir, "data", "countersign.db")
	if err := os.Truncate(file, 0); err != nil {
		t.Fatal(err)
	}
	if code, _, bad := s.run("init"); code != exitFailed || !strings.Contains(bad, "Restore the last backup") || !exists(file) {
		t.Errorf("exit %d: %s", code, bad)
	}
}

func TestTwoInitsDoNotMeet(t *testing.T) {
	s := newShell(t)
	data := filepath.Join(s.dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	leave, err := server.Occupy(config.Default(data))
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"init", "--data", data, "--public-url", "https://localhost:1"}
	if code, _, bad := s.run(args...); code != exitFailed || !strings.Contains(bad, "another server is at work in this data folder") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if err := leave(); err != nil {
		t.Fatal(err)
	}
	s.ok(args...)
}

// A flag that the configuration file contradicts is refused, and nothing is created.
func TestInitDoesNotPassOverAFlag(t *testing.T) {
	s := newShell(t)
	s.ok("init", "--data", filepath.Join(s.dir, "data"), "--public-url", "https://localhost:1")
	for flag, value := range map[string]string{"--data": filepath.Join(s.dir, "other"), "--public-url": "https://localhost:2", "--organization": "Other",
		"--database": "postgres://a@localhost:1/b"} {
		if code, out, bad := s.run("init", flag, value); code != exitFailed || out != "" || !strings.Contains(bad, "leave "+flag+" out") {
			t.Errorf("%s: exit %d: %s%s", flag, code, out, bad)
		}
	}
	if exists(filepath.Join(s.dir, "other")) {
		t.Error("the other folder was made")
	}
}

// When the data folder cannot be created, no configuration that names it is written.
func TestInitWritesNoConfigurationForAFolderThatCannotBe(t *testing.T) {
	s := newShell(t)
	file := filepath.Join(s.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, bad := s.run("init", "--data", filepath.Join(file, "data"), "--public-url", "https://localhost:1")
	if code != exitFailed || !strings.Contains(bad, "cannot be made. Choose another") || exists(s.config) {
		t.Errorf("exit %d: %s", code, bad)
	}
	s.ok("init", "--data", filepath.Join(s.dir, "data"), "--public-url", "https://localhost:1")
}

func TestAConfigurationThatCannotBeReadIsSaidSo(t *testing.T) {
	s := newShell(t)
	s.config = s.dir // a folder cannot be read by anybody, not even by root
	for _, args := range [][]string{{"app", "list"}, {"serve"}, {"migrate"}} {
		if code, _, bad := s.run(args...); code != exitFailed || !strings.Contains(bad, "cannot be read. Run the command as the user who runs the server") {
			t.Errorf("%v: exit %d: %s", args, code, bad)
		}
	}
	if code, out, _ := s.run("doctor"); code != exitFailed || !strings.Contains(out, "-> Run doctor as the user who runs the server.") {
		t.Errorf("exit %d: %s", code, out)
	}
	s.config = filepath.Join(s.dir, "nowhere.toml")
	if code, _, bad := s.run("app", "list"); code != exitFailed || strings.Count(bad, s.config) != 1 || !strings.Contains(bad, "make one with: countersign init") {
		t.Errorf("exit %d: %s", code, bad)
	}
	if code, out, _ := s.run("doctor"); code != exitFailed || strings.Count(out, s.config) != 1 || !strings.Contains(out, "countersign init") {
		t.Errorf("exit %d: %s", code, out)
	}
}

// The doctor does not advise to run the doctor, and every finding is one line.
func TestTheDoctorSaysWhyADatabaseIsNotReached(t *testing.T) {
	s := ready(t)
	s.env["COUNTERSIGN_DATABASE_URL"] = "postgres://somebody:hush@127.0.0.1:1/nothing"
	code, out, _ := s.run("doctor")
	if code != exitFailed || !strings.Contains(out, "fail  database     postgres://127.0.0.1:1/nothing cannot be opened: ") ||
		strings.Contains(out, "countersign doctor") || strings.Contains(out, "?") || strings.Contains(out, "hush") {
		t.Errorf("exit %d: %s", code, out)
	}
	code, _, bad := s.run("app", "list")
	if code != exitFailed || !strings.Contains(bad, "Look with: countersign doctor") || strings.Count(bad, "\n") != 1 || strings.Contains(bad, "?") || strings.Contains(bad, "hush") {
		t.Errorf("exit %d: %s", code, bad)
	}
}

func TestAnAddressThatCannotBeListenedOnIsNamedWithWhatToDo(t *testing.T) {
	s := ready(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for address, says := range map[string]string{
		l.Addr().String(): "Another program listens on " + l.Addr().String() + " already. Stop it, or change listen",
		"192.0.2.1:9443":  "This machine cannot listen on 192.0.2.1:9443. Correct listen",
	} {
		s.env["COUNTERSIGN_LISTEN"] = address
		if code, _, bad := s.run("serve"); code != exitFailed || !strings.Contains(bad, says) {
			t.Errorf("%s: exit %d: %s", address, code, bad)
		}
	}
}
