package sqlstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/domain/login"
	"countersign/internal/domain/settings"
	"countersign/internal/domain/transaction"
	"countersign/internal/flow"
)

// overtakes runs other while a change is about to be committed, and reports whether it was done before. Both must succeed.
func overtakes(t *testing.T, db *DB, change func(flow.Store) error, other func(flow.Store) error) (overtook bool) {
	t.Helper()
	done := make(chan error, 1)
	write(t, db, func(s flow.Store) error {
		if err := change(s); err != nil {
			return err
		}
		go func() { done <- db.Write(ctx, other) }()
		select {
		case err := <-done:
			done <- err
			overtook = true
		case <-time.After(100 * time.Millisecond):
		}
		return nil
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	return overtook
}

// holding is a database with what the changes of these tests are about.
func holding(t *testing.T, db *DB) {
	person(t, db, "DU1", "alice")
	write(t, db, func(s flow.Store) error {
		return errors.Join(
			s.CreateApplication(ctx, application.Application{ID: "DI1", Name: "Wiki", Created: noon}),
			s.CreateTransaction(ctx, transaction.Transaction{ID: "t", UserID: "DU1", ApplicationID: "DI1", State: transaction.Pending, Expires: at(time.Hour)}))
	})
}

func TestChangesOfApplicationsAndSettingsDoNotUndoEachOther(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		holding(t, db)
		race(t, db, 24, func(_ int, s flow.Store) (bool, error) {
			a, err := s.LockApplication(ctx, "DI1")
			if err != nil {
				return false, err
			}
			a.Name += "x"
			return true, s.SaveApplication(ctx, a)
		})
		a := got[application.Application](t)(db.Read().ApplicationByID(ctx, "DI1"))
		same(t, "names", a.Name, "Wiki"+strings.Repeat("x", 24))
		before := got[settings.Settings](t)(db.Read().LoadSettings(ctx)).DormantDays
		race(t, db, 24, func(_ int, s flow.Store) (bool, error) { // there is no row of them yet
			v, err := s.LockSettings(ctx)
			if err != nil {
				return false, err
			}
			v.DormantDays++
			return true, s.SaveSettings(ctx, v)
		})
		same(t, "settings", got[settings.Settings](t)(db.Read().LoadSettings(ctx)).DormantDays, before+24)
		_, err := tryWrite(db, func(s flow.Store) (application.Application, error) { return s.LockApplication(ctx, "DI9") })
		fails(t, "unknown", err, application.ErrUnknown)
		for what, err := range map[string]error{
			"LockApplication": func() error { _, err := db.Read().LockApplication(ctx, "DI1"); return err }(),
			"LockSettings":    func() error { _, err := db.Read().LockSettings(ctx); return err }(),
			"HoldPolicy":      db.Read().HoldPolicy(ctx),
		} {
			if err == nil {
				t.Errorf("%s outside of a change", what)
			}
		}
	})
}

// AC-034: what lets somebody in is committed before a change of policy is acknowledged, or has seen it.
func TestADecisionIsWhollyBeforeAChangeOfPolicyOrSeesIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		holding(t, db)
		decisions := map[string]func(s flow.Store, n string) (flow.Snapshot, error){
			"HoldPolicy": func(s flow.Store, _ string) (flow.Snapshot, error) {
				if err := s.HoldPolicy(ctx); err != nil {
					return flow.Snapshot{}, err
				}
				return s.SnapshotAt(ctx, "DU1", "DI1")
			},
			"LockAt":      func(s flow.Store, _ string) (flow.Snapshot, error) { return s.LockAt(ctx, "DU1", "DI1") },
			"LockRequest": func(s flow.Store, _ string) (flow.Snapshot, error) { return s.LockRequest(ctx, "t") },
			"CollectGrant": func(s flow.Store, n string) (flow.Snapshot, error) {
				if err := s.CollectGrant(ctx, []byte(n), "DI1", noon); err != nil {
					return flow.Snapshot{}, err
				}
				return s.SnapshotByGrant(ctx, []byte(n))
			},
		}
		changes := map[string]func(s flow.Store, to string) error{
			"an application": func(s flow.Store, to string) error {
				a, err := s.LockApplication(ctx, "DI1")
				if err != nil {
					return err
				}
				a.Name = to
				return s.SaveApplication(ctx, a)
			},
			"the settings": func(s flow.Store, to string) error {
				v, err := s.LockSettings(ctx)
				if err != nil {
					return err
				}
				v.Organization = to
				return s.SaveSettings(ctx, v)
			},
		}
		for decision, decide := range decisions {
			for changed, change := range changes {
				n := decision + " " + changed
				for _, id := range []string{n, n + " again"} {
					write(t, db, func(s flow.Store) error {
						return errors.Join(
							s.CreateLogin(ctx, login.Login{ID: id, ApplicationID: "DI1", UserID: "DU1", Stage: login.Allowed, Expires: at(time.Hour)}),
							s.FinishLogin(ctx, id, []byte(id), at(time.Hour), noon))
					})
				}
				if overtakes(t, db, func(s flow.Store) error { _, err := decide(s, n); return err },
					func(s flow.Store) error { return change(s, n) }) {
					t.Errorf("%s: the change was acknowledged before the decision", n)
				}
				var seen flow.Snapshot
				if overtakes(t, db, func(s flow.Store) error { return change(s, n+"!") },
					func(s flow.Store) (err error) { seen, err = decide(s, n+" again"); return err }) {
					t.Errorf("%s: decided meanwhile", n)
				}
				if seen.Application.Name != n+"!" && seen.Settings.Organization != n+"!" {
					t.Errorf("%s: decided by %q and %q", n, seen.Application.Name, seen.Settings.Organization)
				}
			}
		}
	})
}

// Sign-ins are not to wait for each other, nor for long behind a change that cannot have its turn.
func TestDecisionsDoNotWaitForEachOther(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		holding(t, db)
		if db.Dialect() == SQLite { // where each change waits for the one before
			return
		}
		decide := func(s flow.Store) error {
			if err := s.HoldPolicy(ctx); err != nil {
				return err
			}
			_, err := s.ApplicationByID(ctx, "DI1")
			return err
		}
		if !overtakes(t, db, decide, decide) {
			t.Error("the second waited for the first")
		}
		write(t, db, func(s flow.Store) error {
			if err := decide(s); err != nil {
				return err
			}
			began := time.Now()
			_, err := tryWrite(db, func(s flow.Store) (application.Application, error) { return s.LockApplication(ctx, "DI1") })
			if took := time.Since(began); !errors.Is(err, ErrUnavailable) || took > 4*time.Second {
				t.Errorf("the change waited for %s: %v", took, err)
			}
			return nil
		})
	})
}

func TestAnAccountIsHeldUntilTheEndOfTheChange(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		person(t, db, "DU1", "alice")
		hold := func(s flow.Store) error {
			if err := s.HoldAccount(ctx, "DU1"); err != nil {
				return err
			}
			_, err := s.UserByID(ctx, "DU1")
			return err
		}
		lock := func(s flow.Store) error { _, err := s.LockAccount(ctx, "DU1"); return err }
		if overtakes(t, db, hold, lock) || overtakes(t, db, lock, hold) {
			t.Error("both had the account at once")
		}
		write(t, db, func(s flow.Store) error { return s.HoldAccount(ctx, "DU9") })
	})
}
