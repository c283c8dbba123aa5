package capi

import (
	"fmt"
	"math"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Type is what a column of a row holds.
type Type int32

// The types of SQLite; there is none but these.
const (
	Integer Type = sqlite3.SQLITE_INTEGER
	Float   Type = sqlite3.SQLITE_FLOAT
	Text    Type = sqlite3.SQLITE_TEXT
	Blob    Type = sqlite3.SQLITE_BLOB
	Null    Type = sqlite3.SQLITE_NULL
)

// Stmt is a prepared statement.
type Stmt struct {
	d      *DB
	p      uintptr
	values int // how many it takes
}

// Prepare compiles a statement that will run often. Its values are ?1, ?2, …
func (d *DB) Prepare(q string) (Stmt, error) {
	text, err := libc.CString(q)
	if err != nil {
		return Stmt{}, err
	}
	defer libc.Xfree(d.tls, text)
	if code := sqlite3.Xsqlite3_prepare_v3(d.tls, d.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, d.room, 0); code != sqlite3.SQLITE_OK {
		return Stmt{}, d.fault(code)
	}
	p := d.pointer()
	return Stmt{d, p, int(sqlite3.Xsqlite3_bind_parameter_count(d.tls, p))}, nil
}

// Finalize gives the statement back.
func (s Stmt) Finalize() { sqlite3.Xsqlite3_finalize(s.d.tls, s.p) }

// Bind gives the statement its values: nil, int64, bool, string or []byte. They are copied into the room, which stays as it is until
// the statement is reset: two statements of one database never run at once. All values are bound each time, so that none is left
// from an earlier room.
func (s Stmt) Bind(args []any) error {
	if len(args) != s.values {
		return fmt.Errorf("sqlite: %d values for a statement that takes %d", len(args), s.values)
	}
	need := 1
	for _, a := range args {
		switch v := a.(type) {
		case string:
			need += len(v)
		case []byte:
			need += len(v)
		}
	}
	if need > math.MaxInt32 {
		return &Fault{sqlite3.SQLITE_TOOBIG, "the values are too long"}
	}
	if err := s.d.reserve(need); err != nil {
		return err
	}
	room, at := libc.GoBytes(s.d.room, s.d.size), 0
	for i, a := range args {
		n, code := int32(i+1), int32(sqlite3.SQLITE_OK)
		switch v := a.(type) {
		case nil:
			code = sqlite3.Xsqlite3_bind_null(s.d.tls, s.p, n)
		case int64:
			code = sqlite3.Xsqlite3_bind_int64(s.d.tls, s.p, n, v)
		case bool:
			var one int64
			if v {
				one = 1
			}
			code = sqlite3.Xsqlite3_bind_int64(s.d.tls, s.p, n, one)
		case string:
			code = sqlite3.Xsqlite3_bind_text(s.d.tls, s.p, n, s.d.room+uintptr(at), int32(len(v)), sqlite3.SQLITE_STATIC)
			at += copy(room[at:], v)
		case []byte:
			code = sqlite3.Xsqlite3_bind_blob(s.d.tls, s.p, n, s.d.room+uintptr(at), int32(len(v)), sqlite3.SQLITE_STATIC)
			at += copy(room[at:], v)
		default:
			return fmt.Errorf("sqlite: a statement's value is a %T", a)
		}
		if code != sqlite3.SQLITE_OK {
			return s.d.fault(code)
		}
	}
	return nil
}

// Step goes to the next row; false after the last.
func (s Stmt) Step() (bool, error) {
	switch code := sqlite3.Xsqlite3_step(s.d.tls, s.p); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.d.fault(code)
	}
}

// Reset makes the statement ready to run again. Its error is the one Step gave already.
func (s Stmt) Reset() { sqlite3.Xsqlite3_reset(s.d.tls, s.p) }

// Columns is how many columns a row has, Name how the column at i is called.
func (s Stmt) Columns() int { return int(sqlite3.Xsqlite3_column_count(s.d.tls, s.p)) }
func (s Stmt) Name(i int) string {
	return libc.GoString(sqlite3.Xsqlite3_column_name(s.d.tls, s.p, int32(i)))
}

// Type is what the column at i of the row holds. Int, Text and Blob read it; a column of another type is converted, so ask first.
// The bytes of Blob are valid until the next Step or Reset.
func (s Stmt) Type(i int) Type { return Type(sqlite3.Xsqlite3_column_type(s.d.tls, s.p, int32(i))) }
func (s Stmt) Int(i int) int64 { return sqlite3.Xsqlite3_column_int64(s.d.tls, s.p, int32(i)) }
func (s Stmt) Text(i int) string {
	p := sqlite3.Xsqlite3_column_text(s.d.tls, s.p, int32(i))
	if p == 0 {
		return ""
	}
	return string(libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(s.d.tls, s.p, int32(i)))))
}
func (s Stmt) Blob(i int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.d.tls, s.p, int32(i))
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(s.d.tls, s.p, int32(i))))
}
