package sqlstore

import (
	"context"
	"strings"
	"testing"
)

// wholeTable lists beginnings of statements that may read a whole table: rare, and for people who wait.
var wholeTable = []string{
	"SELECT users.user_id, username", // lists and searches of the panel
	"SELECT application_id",          // all applications
	"SELECT logged_at, log_id, actor",
	"SELECT logged_at, log_id, tx_id", // the record, newest first: a scan in the order of its key
}

// checkPlans reports statements that a SQLite connection has prepared and that read a whole table.
func checkPlans(t testing.TB, conns ...*sqliteConn) {
	t.Helper()
	for _, c := range conns {
		var all []string
		for q := range c.stmts {
			if strings.Contains(q, " WHERE ") && !strings.Contains(q, "sqlite_master") && !strings.Contains(q, "pragma") {
				all = append(all, q)
			}
		}
		for _, q := range all {
			var args []any
			for strings.Contains(q, placeholder(len(args)+1)) {
				args = append(args, nil)
			}
			err := c.query(context.Background(), "EXPLAIN QUERY PLAN "+q, args, func(r *row) {
				r.i = 3 // the description
				step := r.text()
				if !strings.HasPrefix(step, "SCAN ") || strings.Contains(step, "CONSTANT") || strings.Contains(step, " INDEX ") {
					return
				}
				for _, allowed := range wholeTable {
					if strings.HasPrefix(q, allowed) {
						return
					}
				}
				t.Errorf("%s:\n%s", step, q)
			})
			if err != nil {
				t.Errorf("%v:\n%s", err, q)
			}
		}
	}
}

// plans runs checkPlans when a test's SQLite database is done.
func plans(t testing.TB, db *DB) {
	e, ok := db.engine.(*sqliteEngine)
	if !ok {
		return
	}
	t.Cleanup(func() {
		select {
		case <-e.stopped: // the test has closed it
			return
		default:
		}
		checkPlans(t, e.conn)
		for range sqliteReaders {
			c := <-e.readers.idle
			checkPlans(t, c)
			e.readers.idle <- c
		}
	})
}
