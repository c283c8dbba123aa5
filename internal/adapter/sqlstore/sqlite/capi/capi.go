// Package capi is the few functions of SQLite's C interface that the store needs, without cgo. The driver for database/sql
// asks for names and types of columns at each SELECT, boxes each value and takes a lock for every one of them: half of what a
// small SELECT costs (docs/decisions/0028-sqlite-interface.md).
//
// A database is opened without SQLite's own locks, so one goroutine at a time uses it and its statements.
package capi

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"syscall"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// DB is an open database.
type DB struct {
	tls  *libc.TLS
	db   uintptr
	room uintptr // C memory for the values bound to the statement that runs
	size int     // of room
}

// Fault is an error code of SQLite and what it says about it.
type Fault struct {
	code int
	text string
}

func (f *Fault) Error() string { return f.text }

// NewFault makes an error with a code of SQLite.
func NewFault(code int, text string) *Fault { return &Fault{code, text} }

// Code is the extended result code, as the errors of the driver for database/sql have it.
func (f *Fault) Code() int { return f.code }

// roomSize is what the values of most statements need; a statement that needs more gets more.
const roomSize = 4096

// Open opens a file that exists, given as a URI. Errors of this package are Faults.
func Open(uri string) (*DB, error) {
	d := &DB{tls: libc.NewTLS()}
	if err := d.reserve(roomSize); err != nil {
		d.tls.Close()
		return nil, err
	}
	name, err := libc.CString(uri)
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	defer libc.Xfree(d.tls, name)
	const flags = sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_NOMUTEX | sqlite3.SQLITE_OPEN_URI
	code := sqlite3.Xsqlite3_open_v2(d.tls, name, d.room, flags, 0)
	d.db = d.pointer()
	if code != sqlite3.SQLITE_OK {
		err := d.fault(code)
		_ = d.Close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(d.tls, d.db, 1)
	return d, nil
}

// pointer reads what SQLite wrote into the room.
func (d *DB) pointer() uintptr {
	if strconv.IntSize == 32 {
		return uintptr(binary.NativeEndian.Uint32(libc.GoBytes(d.room, 4)))
	}
	return uintptr(binary.NativeEndian.Uint64(libc.GoBytes(d.room, 8)))
}

// reserve makes room for n bytes.
func (d *DB) reserve(n int) error {
	if n <= d.size {
		return nil
	}
	room := libc.Xmalloc(d.tls, libc.Tsize_t(n))
	if room == 0 {
		return &Fault{sqlite3.SQLITE_NOMEM, "out of memory"}
	}
	if d.room != 0 {
		libc.Xfree(d.tls, d.room)
	}
	d.room, d.size = room, n
	return nil
}

// fault is the error of a call that just failed.
func (d *DB) fault(code int32) error {
	text := libc.GoString(sqlite3.Xsqlite3_errstr(d.tls, code))
	if d.db != 0 {
		if more := libc.GoString(sqlite3.Xsqlite3_errmsg(d.tls, d.db)); more != text {
			text += ": " + more
		}
		if errno := sqlite3.Xsqlite3_system_errno(d.tls, d.db); errno != 0 && (code&0xff == sqlite3.SQLITE_IOERR || code&0xff == sqlite3.SQLITE_CANTOPEN) {
			text += ": " + syscall.Errno(errno).Error() // such as that the disk is full
		}
	}
	return &Fault{int(code), fmt.Sprintf("%s (%d)", text, code)}
}

// Changed is how many rows the last write that is done has touched.
func (d *DB) Changed() int64 { return sqlite3.Xsqlite3_changes64(d.tls, d.db) }

// Interrupt ends the statement that runs. It is the one function that another goroutine may call.
func (d *DB) Interrupt() {
	tls := libc.NewTLS()
	defer tls.Close()
	sqlite3.Xsqlite3_interrupt(tls, d.db)
}

// Close gives everything back; statements are finalized before.
func (d *DB) Close() error {
	var err error
	if d.db != 0 {
		if code := sqlite3.Xsqlite3_close_v2(d.tls, d.db); code != sqlite3.SQLITE_OK {
			err = d.fault(code)
		}
	}
	libc.Xfree(d.tls, d.room)
	d.tls.Close()
	return err
}
