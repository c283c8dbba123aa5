// Package sqlstore keeps everything in a SQL database: SQLite for one node, PostgreSQL for several.
// It implements flow.DB and, for each noun, the Store its package declares; the contracts stand there.
//
// A noun is a file: one list that ties its columns to its fields (table), and its SQL, which is written once for both
// databases: $1 placeholders, listed columns, ids as TEXT, times as microseconds in BIGINT, JSON as TEXT. Below lie the three
// kinds of statement (package engine) and the databases (packages sqlite and postgres). No noun knows which one it is in.
//
// Whatever can be used up is one conditional write: two callers never spend one last use. Whether it found its row is read
// before the change is committed.
package sqlstore
