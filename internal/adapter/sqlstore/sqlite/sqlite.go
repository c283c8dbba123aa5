// Package sqlite keeps the nouns in one SQLite file: one connection writes, in groups of changes that share a commit, and others read.
// It is called below database/sql, whose driver serves the migrations only.
package sqlite

import (
	"context"
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	_ "modernc.org/sqlite" // the driver that migrates

	"countersign/internal/adapter/sqlstore/engine"
)

// readers is the number of connections that read, beside the one that writes.
const readers = 4

// Options say where the file is and how it is opened.
type Options struct {
	Path      string // made when it is missing, with its folders
	MustExist bool   // ErrMissing instead
	Unchecked bool   // leaves out the integrity check
	Logger    *slog.Logger
}

// Database is an open file; it implements engine.Database.
type Database struct {
	writer
	path   string
	reader *reader
	asked  atomic.Int64
}

// Open opens the file, checks that it is whole and safe, and reads it through unless Unchecked: aside when it is as this program
// closed it, else first. ErrDamaged, ErrMissing, ErrUnsafe, ErrUnavailable.
func Open(ctx context.Context, o Options) (*Database, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	if err := checkFile(ctx, path, o.MustExist); err != nil {
		return nil, err
	}
	d := &Database{path: path}
	d.log, d.sound = o.Logger, &soundness{path: path, log: o.Logger}
	asClosed, err := d.sound.takeMark()
	if err != nil {
		return nil, err
	}
	d.sound.whole.Store(asClosed)
	d.queue, d.quit, d.stopped = make(chan *pendingChange, groupSize), make(chan struct{}), make(chan struct{})
	if err := d.connect(o, asClosed); err != nil {
		_ = d.disconnect()
		return nil, err
	}
	go d.loop()
	return d, nil
}

// connect makes the connections.
func (d *Database) connect(o Options, asClosed bool) (err error) {
	d.reader = &reader{sound: d.sound, idle: make(chan *conn, readers), closed: make(chan struct{})}
	// The checkpoint runs on this connection: at 4,096 pages (16 MB) it is rare and still short.
	if d.tx.conn, err = connect(d.path, "wal_autocheckpoint(4096)", "journal_size_limit(67108864)"); err != nil {
		return err
	}
	if err := d.check(!o.Unchecked && !asClosed); err != nil {
		return err
	}
	d.tx.asked = &d.asked
	for range readers {
		c, err := connect(d.path, "query_only(1)")
		if err != nil {
			return err
		}
		c.asked = &d.asked
		d.reader.idle <- c
		d.reader.size++
	}
	if !o.Unchecked && asClosed {
		return d.sound.readAside()
	}
	return nil
}

// check reads the settings back, and the file through.
func (d *Database) check(whole bool) error {
	journal, err := d.tx.text(`PRAGMA journal_mode`)
	if err != nil {
		return err
	}
	level, err := d.tx.text(`PRAGMA synchronous`)
	if err != nil {
		return err
	}
	if journal != "wal" || level != "2" {
		return engine.ErrUnsafe.Arg("detail", "journal_mode "+journal+", synchronous "+level)
	}
	if whole {
		return d.sound.read(d.tx.conn)
	}
	return nil
}

// Reader implements engine.Database, Asked too.
func (d *Database) Reader() engine.Runner { return d.reader }
func (d *Database) Asked() int64          { return d.asked.Load() }

// Version implements engine.Database.
func (d *Database) Version(ctx context.Context, table string) (version int64, err error) {
	err = d.reader.use(ctx, func(c *conn) error {
		tables, err := c.text(`SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
		if err != nil || tables == "0" {
			return err
		}
		ours, err := c.text(`SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`, table)
		if err != nil {
			return err
		}
		if ours == "0" {
			d.sound.whole.Store(false) // it gets no mark of ours
			return engine.ErrForeign.Arg("detail", d.path)
		}
		newest, err := c.text(`SELECT COALESCE(MAX(version_id), 0) FROM ` + table)
		if err != nil {
			return err
		}
		version, err = strconv.ParseInt(newest, 10, 64)
		return err
	})
	return version, err
}

// Migrate implements engine.Database.
func (d *Database) Migrate(ctx context.Context, do func(context.Context, *sql.DB) error) error {
	db, err := sql.Open("sqlite", uri(d.path)+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma="+strings.Join(pragmas, "&_pragma="))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	mapped, _ := meaning(do(ctx, db))
	return mapped
}

// Facts implements engine.Database. It reads the file through.
func (d *Database) Facts(ctx context.Context) (f engine.Facts, err error) {
	c, err := connect(d.path, "query_only(1)")
	if err != nil {
		return f, err
	}
	defer c.close()
	for q, into := range map[string]*string{`SELECT sqlite_version()`: &f.Server, `PRAGMA journal_mode`: &f.Journal,
		`PRAGMA synchronous`: &f.Synchronous, `PRAGMA quick_check(1)`: &f.Integrity} {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		if *into, err = c.text(q); err != nil {
			return f, err
		}
	}
	if f.Synchronous == "2" {
		f.Synchronous = "full"
	}
	for _, suffix := range []string{"", "-wal"} {
		if info, err := os.Stat(d.path + suffix); err == nil {
			f.Bytes += info.Size()
		}
	}
	return f, nil
}

// Close implements engine.Database.
func (d *Database) Close() error {
	close(d.quit)
	<-d.stopped
	d.sound.stop()
	err := d.disconnect()
	if err == nil {
		d.sound.leaveMark()
	}
	return err
}

// disconnect closes the connections there are. Readers at work are waited for.
func (d *Database) disconnect() error {
	close(d.reader.closed)
	for range d.reader.size {
		_ = (<-d.reader.idle).close()
	}
	if d.tx.conn == nil {
		return nil
	}
	return d.tx.close()
}
