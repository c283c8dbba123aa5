package sqlstore

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// This file is the few functions of SQLite's C interface that the store needs. The driver for database/sql
// asks for names and types of columns, boxes each value and takes a lock for every one of them: half of what
// a small SELECT costs.

// sqliteHandle is an open database. It is opened without SQLite's own locks (SQLITE_OPEN_NOMUTEX): one
// goroutine uses it at a time.
type sqliteHandle struct {
	tls  *libc.TLS
	db   uintptr
	room uintptr // C memory for the values bound to the statement that runs
	size int     // of room
}

// sqliteFault is an error code of SQLite and what it says about it.
type sqliteFault struct {
	code int
	text string
}

func (f *sqliteFault) Error() string { return f.text }

// Code is the extended result code, as the errors of the driver have it.
func (f *sqliteFault) Code() int { return f.code }

// roomSize is what most statements need; a statement that needs more gets more.
const roomSize = 4096

// openHandle opens a file that exists, given as a URI.
func openHandle(uri string) (*sqliteHandle, error) {
	h := &sqliteHandle{tls: libc.NewTLS()}
	if err := h.reserve(roomSize); err != nil {
		h.tls.Close()
		return nil, err
	}
	name, err := libc.CString(uri)
	if err != nil {
		h.close()
		return nil, err
	}
	defer libc.Xfree(h.tls, name)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	code := sqlite3.Xsqlite3_open_v2(h.tls, name, h.room, flags, 0)
	h.db = h.pointer()
	if code != sqlite3.SQLITE_OK {
		err := h.fault(code)
		h.close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(h.tls, h.db, 1)
	return h, nil
}

// pointer reads what SQLite wrote into the room.
func (h *sqliteHandle) pointer() uintptr {
	if strconv.IntSize == 32 {
		return uintptr(binary.NativeEndian.Uint32(libc.GoBytes(h.room, 4)))
	}
	return uintptr(binary.NativeEndian.Uint64(libc.GoBytes(h.room, 8)))
}

// reserve makes room for n bytes.
func (h *sqliteHandle) reserve(n int) error {
	if n <= h.size {
		return nil
	}
	room := libc.Xmalloc(h.tls, libc.Tsize_t(n))
	if room == 0 {
		return &sqliteFault{sqlite3.SQLITE_NOMEM, "out of memory"}
	}
	if h.room != 0 {
		libc.Xfree(h.tls, h.room)
	}
	h.room, h.size = room, n
	return nil
}

// fault is the error of a call that just failed.
func (h *sqliteHandle) fault(code int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(h.tls, code))
	if h.db != 0 {
		if more := libc.GoString(sqlite3.Xsqlite3_errmsg(h.tls, h.db)); more != text {
			text += ": " + more
		}
		if errno := sqlite3.Xsqlite3_system_errno(h.tls, h.db); errno != 0 && (code&0xff == sqlite3.SQLITE_IOERR || code&0xff == sqlite3.SQLITE_CANTOPEN) {
			text += ": " + syscall.Errno(errno).Error() // such as that the disk is full
		}
	}
	return &sqliteFault{int(code), fmt.Sprintf("%s (%d)", text, code)}
}

// interrupt ends the statement that runs; the one function that another goroutine may call.
func (h *sqliteHandle) interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, h.db)
}

// close gives everything back; statements are finalized before.
func (h *sqliteHandle) close() error {
	var err error
	if h.db != 0 {
		if code := sqlite3.Xsqlite3_close_v2(h.tls, h.db); code != sqlite3.SQLITE_OK {
			err = h.fault(code)
		}
	}
	libc.Xfree(h.tls, h.room)
	h.tls.Close()
	return err
}

// sqliteStmt is a prepared statement.
type sqliteStmt struct {
	*sqliteHandle
	p uintptr
}

// prepare takes $1, $2 … for the values, as PostgreSQL does: to SQLite those would be names, counted as they come.
func (h *sqliteHandle) prepare(q string) (sqliteStmt, error) {
	text, err := libc.CString(strings.ReplaceAll(q, "$", "?"))
	if err != nil {
		return sqliteStmt{}, err
	}
	defer libc.Xfree(h.tls, text)
	if code := sqlite3.Xsqlite3_prepare_v3(h.tls, h.db, text, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, h.room, 0); code != sqlite3.SQLITE_OK {
		return sqliteStmt{}, h.fault(code)
	}
	return sqliteStmt{h, h.pointer()}, nil
}

func (s sqliteStmt) finalize() { sqlite3.Xsqlite3_finalize(s.tls, s.p) }

// bind gives the statement its values. They are copied into the room, which stays as it is until the
// statement is reset.
func (s sqliteStmt) bind(args []any) error {
	need := 1
	for _, a := range args {
		switch v := a.(type) {
		case string:
			need += len(v)
		case []byte:
			need += len(v)
		}
	}
	if err := s.reserve(need); err != nil {
		return err
	}
	at := 0
	for i, a := range args {
		n, code := int32(i+1), int32(sqlite3.SQLITE_OK)
		switch v := a.(type) {
		case nil:
			code = sqlite3.Xsqlite3_bind_null(s.tls, s.p, n)
		case int64:
			code = sqlite3.Xsqlite3_bind_int64(s.tls, s.p, n, v)
		case bool:
			var one int64
			if v {
				one = 1
			}
			code = sqlite3.Xsqlite3_bind_int64(s.tls, s.p, n, one)
		case string:
			copy(libc.GoBytes(s.room, s.size)[at:], v)
			code = sqlite3.Xsqlite3_bind_text(s.tls, s.p, n, s.room+uintptr(at), int32(len(v)), sqlite3.SQLITE_STATIC)
			at += len(v)
		case []byte:
			copy(libc.GoBytes(s.room, s.size)[at:], v)
			code = sqlite3.Xsqlite3_bind_blob(s.tls, s.p, n, s.room+uintptr(at), int32(len(v)), sqlite3.SQLITE_STATIC)
			at += len(v)
		default:
			return fmt.Errorf("sqlstore: a statement's value is a %T", a)
		}
		if code != sqlite3.SQLITE_OK {
			return s.fault(code)
		}
	}
	return nil
}

// step goes to the next row; false after the last.
func (s sqliteStmt) step() (bool, error) {
	switch code := sqlite3.Xsqlite3_step(s.tls, s.p); code {
	case sqlite3.SQLITE_ROW:
		return true, nil
	case sqlite3.SQLITE_DONE:
		return false, nil
	default:
		return false, s.fault(code)
	}
}

// reset makes the statement ready to run again. Its error is the one step gave already.
func (s sqliteStmt) reset() { sqlite3.Xsqlite3_reset(s.tls, s.p) }

// changed is how many rows the statement done last has changed.
func (h *sqliteHandle) changed() int64 { return sqlite3.Xsqlite3_changes64(h.tls, h.db) }

// integer, text and blob read a column of the row. blob is valid until the next step.
func (s sqliteStmt) integer(i int) int64 { return sqlite3.Xsqlite3_column_int64(s.tls, s.p, int32(i)) }

func (s sqliteStmt) text(i int) string {
	p := sqlite3.Xsqlite3_column_text(s.tls, s.p, int32(i))
	if p == 0 {
		return ""
	}
	return string(libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(s.tls, s.p, int32(i)))))
}

func (s sqliteStmt) blob(i int) []byte {
	p := sqlite3.Xsqlite3_column_blob(s.tls, s.p, int32(i))
	if p == 0 {
		return nil
	}
	return libc.GoBytes(p, int(sqlite3.Xsqlite3_column_bytes(s.tls, s.p, int32(i))))
}
