package sqlstore

import (
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/flow"
)

func TestTheRecordIsSearchedByReason(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		for i, reason := range []string{audit.FrequentAttempts, audit.InvalidPasscode, audit.FrequentAttempts} {
			a := audit.Authentication{ID: string(rune('a' + i)), Time: at(time.Duration(i) * time.Minute), Username: "alice", Result: audit.Denied, Reason: reason}
			write(t, db, func(s flow.Store) error { return s.LogAuthentication(ctx, a) })
		}
		ids := func(q audit.Query) (all string) {
			for _, a := range got[[]audit.Authentication](t)(db.Read().Authentications(ctx, q)) {
				all += a.ID
			}
			return all
		}
		same(t, "all", ids(audit.Query{User: "alice"}), "cba")
		same(t, "of a reason", ids(audit.Query{User: "alice", Reason: audit.FrequentAttempts}), "ca")
		same(t, "since", ids(audit.Query{User: "alice", Reason: audit.FrequentAttempts, Since: at(time.Minute)}), "c")
	})
}
