package sqlstore

import (
	"testing"

	"countersign/internal/domain/user"
	"countersign/internal/flow"
)

// Who is asked for by ID is never somebody called like it.
func TestNobodyIsNamedLikeAnID(t *testing.T) {
	eachDatabase(t, func(t *testing.T, db *DB) {
		for _, name := range []string{"du0123456789abcdefgh", "DU0123456789ABCDEFGH"} {
			fails(t, name, db.Write(ctx, func(s flow.Store) error { return s.CreateUser(ctx, user.User{ID: "DU2", Username: name}) }), user.ErrNameInvalid)
		}
		person(t, db, "DU3", "du0123456789abcdefg")
	})
}
