package sqlstore

import (
	"testing"
	"time"

	"countersign/internal/domain/application"
	"countersign/internal/flow"
)

func TestHosts(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		see := func(app, name string, mode application.FailMode, seen time.Time) application.Host {
			h := application.Host{ApplicationID: app, Name: name, FailMode: mode, Seen: seen}
			write(t, db, func(s flow.Store) error { return s.SeeHost(ctx, h) })
			return h
		}
		hosts := func(app string) []application.Host {
			return got[[]application.Host](t)(db.Read().Hosts(ctx, app))
		}
		b := see("DI1", "b", application.FailsOpen, noon)
		a := see("DI1", "a", application.FailsClosed, at(time.Minute))
		none := see("DI1", "", application.FailsOpen, at(-time.Minute))
		other := see("DI2", "b", application.FailsClosed, noon)
		same(t, "by name", hosts("DI1"), []application.Host{none, a, b})

		b = see("DI1", "b", application.FailsClosed, at(time.Hour))
		see("DI1", "b", application.FailsOpen, noon) // what another node noted late
		same(t, "changed, never back in time", hosts("DI1"), []application.Host{none, a, b})

		forget := func(keep int) int64 {
			return wrote(t, db, func(s flow.Store) (int64, error) { return s.ForgetHosts(ctx, "DI1", keep) })
		}
		same(t, "room for all", forget(3), int64(0))
		same(t, "the oldest goes", forget(2), int64(1))
		same(t, "the newest stay", hosts("DI1"), []application.Host{a, b})
		same(t, "all", forget(0), int64(2))
		same(t, "another application's", hosts("DI2"), []application.Host{other})
		same(t, "none", hosts("DI1"), []application.Host(nil))
	})
}
