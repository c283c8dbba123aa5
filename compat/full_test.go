package compat

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// smallDisk is a file system of its own, in memory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test needs root: it mounts a file system of a few megabytes to fill it")
	}
	dir, err := os.MkdirTemp("", "countersign-disk-")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("countersign-test", dir, "tmpfs", 0, "mode=0700,size="+size); err != nil {
		_ = os.Remove(dir)
		t.Fatalf("this test must be allowed to mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
		_ = os.Remove(dir)
	})
	return dir
}

// fill takes all room and gives it back with empty.
func fill(t *testing.T, dir string) (empty func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for piece := make([]byte, 1<<20); len(piece) > 0; {
		n, err := f.Write(piece)
		if err != nil && !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if err != nil && n == 0 {
			piece = piece[:len(piece)/2]
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAFullDiskLetsNobodyInAndHealsByItself is AC-075 for every door.
func TestAFullDiskLetsNobodyInAndHealsByItself(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "48m")
	d := startDemoIn(t, dir)
	w, h := openDoors(t, d), unixHost(d)
	file := filepath.Join(d.DataDir, "countersign.db")
	rows := logged(t, "sqlite", file, "bea")
	empty := fill(t, dir)
	before := w.shed()
	w.knock()
	w.poll()
	h.staysOutside()
	w.knock() // the writer has failed once
	if w.shed() == before {
		t.Error("nothing was turned away: the disk is not full")
	}
	if now := logged(t, "sqlite", file, "bea"); now != rows {
		t.Errorf("%d rows were written on a full disk", now-rows)
	}
	empty()
	w.goOn()
	w.hasRows("sqlite", file)
	d.stop()
	if answer := ask[string](t, "sqlite", file, "PRAGMA integrity_check"); answer != "ok" {
		t.Errorf("integrity_check: %s", answer)
	}
}

// TestALockedDatabaseDoesNotHoldTheHealthCheck: another process writes, and SDKs do not wait.
func TestALockedDatabaseDoesNotHoldTheHealthCheck(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	w := &doors{demo: d, witness: &witness{tb: t}}
	d.wrap = w.witness.wrap
	w.web = goClient(d)
	unlock := (&host{demo: d}).lockDatabase()
	w.knockHealth()
	unlock()
	w.good("health_check", func() error { _, err := w.web.HealthCheck(); return err })
	if w.shed() == 0 {
		t.Error("the health check was answered without its record")
	}
}

// staysOutside tries login_duo that fails safe, for somebody of each kind: who has a phone, who needs none, who is
// turned off, and nobody we know (AC-020).
func (h *host) staysOutside() {
	h.t.Helper()
	for _, name := range []string{"pete", "bea", "eve", "stranger"} {
		if let, said := h.batch(name); let {
			h.t.Errorf("login_duo lets %s in: %s", name, said)
		}
	}
}

func ask[T any](t *testing.T, driver, address, query string, args ...any) (v T) {
	t.Helper()
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// logged counts a person's good sign-ins in the record.
func logged(t *testing.T, driver, address, name string) int {
	t.Helper()
	return ask[int](t, driver, address, "SELECT COUNT(*) FROM authentication_log WHERE result = 'success' AND username = $1", name)
}

// hasRows finds a row for everybody who was let in (AC-056): pete by a ticket begun before the harm, at the prompt, and
// by three calls.
func (w *doors) hasRows(driver, address string) {
	w.t.Helper()
	for name, want := range map[string]int{"pete": 5, "olga": 1, "quin": 1, "ron": 1, "bea": 1} {
		if n := logged(w.demo.t, driver, address, name); n != want {
			w.t.Errorf("%d rows for %d sign-ins of %s", n, want, name)
		}
	}
}
