package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver that migrates

	"countersign/internal/flow"
)

// sqliteReaders is the number of connections that read, beside the one that writes.
const sqliteReaders = 4

type sqliteEngine struct {
	sqliteWriter
	path    string
	readers *sqliteReader
	reading flow.Store
}

// pragmas are the settings of each connection: WAL so that readers and the writer do not wait for each
// other, FULL so that a commit is on disk when it returns (security 0, item 7).
var pragmas = []string{"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
	"temp_store(MEMORY)", "cache_size(-32768)"}

// sqliteURI names a file.
func sqliteURI(path string) string {
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
}

func openSQLite(ctx context.Context, path string, o Options) (*sqliteEngine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(ctx, path, o.MustExist); err != nil {
		return nil, err
	}
	e := &sqliteEngine{path: path}
	e.log, e.sound = o.Logger, &soundness{path: path, log: o.Logger}
	asClosed, err := e.sound.takeMark()
	if err != nil {
		return nil, err
	}
	e.sound.whole.Store(asClosed)
	e.queue, e.quit, e.stopped = make(chan *pendingChange, groupSize), make(chan struct{}), make(chan struct{})
	// The checkpoint runs on this connection: at 4,096 pages (16 MB) it is rare and still short.
	if e.conn, err = connectSQLite(path, "wal_autocheckpoint(4096)", "journal_size_limit(67108864)"); err != nil {
		return nil, err
	}
	if err := e.checkContents(!o.Unchecked && !asClosed, o.MustExist); err != nil {
		_ = e.conn.close()
		return nil, err
	}
	e.readers = &sqliteReader{sound: e.sound, idle: make(chan *sqliteConn, sqliteReaders), closed: make(chan struct{})}
	shared := &cache{}
	e.conn.cache = shared
	for range sqliteReaders {
		c, err := connectSQLite(path, "query_only(1)")
		if err != nil {
			for len(e.readers.idle) > 0 {
				_ = (<-e.readers.idle).close()
			}
			_ = e.conn.close()
			return nil, err
		}
		c.cache = shared
		e.readers.idle <- c
	}
	e.reading = &store{run: e.readers, cache: shared}
	e.store = &store{run: e.conn, cache: shared}
	if !o.Unchecked && asClosed {
		if err := e.sound.readAside(); err != nil {
			e.closeReaders()
			_ = e.conn.close()
			return nil, err
		}
	}
	go e.loop()
	return e, nil
}

// connectSQLite opens a connection with the pragmas and more.
func connectSQLite(path string, more ...string) (*sqliteConn, error) {
	h, err := openHandle(sqliteURI(path))
	if err != nil {
		mapped, _ := sqliteError(err)
		return nil, mapped
	}
	c := &sqliteConn{handle: h, stmts: map[string]sqliteStmt{}}
	for _, p := range append(slices.Clone(pragmas), more...) {
		if err := c.run("PRAGMA " + p); err != nil {
			_ = c.close()
			return nil, err
		}
	}
	return c, nil
}

// checkFile looks at the file before SQLite does, which would take an empty file for a new database.
func checkFile(ctx context.Context, path string, mustExist bool) error {
	f, err := os.Open(path)
	if os.IsNotExist(err) && mustExist {
		return ErrMissing.Arg("name", path)
	}
	if os.IsNotExist(err) {
		if left, err := os.Stat(path + "-wal"); err == nil && left.Size() > 0 {
			return damaged("%s is missing, but %s-wal is there", path, path)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return ErrUnavailable.Arg("detail", err.Error()).With(err)
		}
		f, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return ErrUnavailable.Arg("detail", err.Error()).With(err)
		}
		return f.Close()
	}
	if err != nil {
		return ErrUnavailable.Arg("detail", err.Error()).With(err)
	}
	defer f.Close()
	const magic = "SQLite format 3\x00"
	head := make([]byte, 100)
	n := 0
	for range 10 { // another process may be making it right now
		if n, err = f.ReadAt(head, 0); n > 0 {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	switch {
	case n == 0:
		return damaged("%s is empty", path)
	case n < len(head) || string(head[:len(magic)]) != magic:
		return damaged("%s is not a SQLite database", path)
	case err != nil && err != io.EOF:
		return ErrUnavailable.Arg("detail", err.Error()).With(err)
	}
	return nil
}

func damaged(format string, args ...any) error {
	detail := fmt.Sprintf(format, args...)
	return ErrDamaged.Arg("detail", detail).With(errText(detail))
}

// checkContents reads the settings back, reads the file through and compares the schema's version.
func (e *sqliteEngine) checkContents(whole, mustExist bool) error {
	journal, err := e.conn.text(`PRAGMA journal_mode`)
	if err != nil {
		return err
	}
	level, err := e.conn.text(`PRAGMA synchronous`)
	if err != nil {
		return err
	}
	if journal != "wal" || level != "2" {
		return ErrUnsafe.Arg("detail", "journal_mode "+journal+", synchronous "+level)
	}
	if whole {
		if err := e.sound.read(e.conn); err != nil {
			return err
		}
	}
	version, err := e.version()
	if err != nil {
		return err
	}
	return checkVersion(SQLite, version, mustExist)
}

// version is the schema's, 0 for an empty database.
func (e *sqliteEngine) version() (int64, error) {
	tables, err := e.conn.text(`SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
	if err != nil || tables == "0" {
		return 0, err
	}
	ours, err := e.conn.text(`SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = '` + versionTable + `'`)
	if err != nil {
		return 0, err
	}
	if ours == "0" {
		return 0, ErrForeign.Arg("detail", e.path)
	}
	v, err := e.conn.text(`SELECT COALESCE(MAX(version_id), 0) FROM ` + versionTable)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(v, 10, 64)
}

func (e *sqliteEngine) migrate(ctx context.Context) error {
	db, err := sql.Open("sqlite", sqliteURI(e.path)+"?_txlock=immediate&_pragma="+strings.Join(pragmas, "&_pragma="))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	err = migrate(ctx, db, SQLite)
	mapped, _ := sqliteError(err)
	return mapped
}

func (e *sqliteEngine) status(ctx context.Context) (Status, error) {
	s := Status{Dialect: SQLite, Target: target(SQLite)}
	c, err := connectSQLite(e.path, "query_only(1)")
	if err != nil {
		return s, err
	}
	own := &sqliteEngine{path: e.path}
	own.conn = c
	defer c.close()
	for q, into := range map[string]*string{`SELECT sqlite_version()`: &s.Server, `PRAGMA journal_mode`: &s.Journal,
		`PRAGMA synchronous`: &s.Synchronous, `PRAGMA quick_check(1)`: &s.Integrity} {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		if *into, err = c.text(q); err != nil {
			return s, err
		}
	}
	if s.Synchronous == "2" {
		s.Synchronous = "full"
	}
	if s.Version, err = own.version(); err != nil {
		return s, err
	}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(e.path + suffix); err == nil {
			s.Bytes += info.Size()
		}
	}
	return s, nil
}

func (e *sqliteEngine) close() error {
	close(e.quit)
	<-e.stopped
	e.sound.stop()
	e.closeReaders()
	err := e.conn.close()
	if err == nil {
		e.sound.leaveMark()
	}
	return err
}

// closeReaders waits for readers at work.
func (e *sqliteEngine) closeReaders() {
	close(e.readers.closed)
	for range sqliteReaders {
		_ = (<-e.readers.idle).close()
	}
}
