// Package sqlstore keeps everything in a SQL database: SQLite for one node, PostgreSQL for several.
// It implements flow.DB and, for each noun, the Store its package declares; the contracts stand there.
//
// The SQL is written once for both (file per noun): $1 placeholders, listed columns, ids as TEXT,
// times as microseconds in BIGINT, JSON as TEXT. What differs lies in sqlite*.go and postgres.go, behind
// the interface runner. The drivers are used below database/sql, whose conversions by reflection cost
// more than the statements themselves (docs/decisions/0012-storage.md).
//
// Whatever can be used up is one conditional UPDATE … RETURNING: two callers never spend one last use.
package sqlstore
