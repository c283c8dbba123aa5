package sqlstore

import (
	"testing"
	"time"

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
