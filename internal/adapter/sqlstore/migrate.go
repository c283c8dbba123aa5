package sqlstore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migrations only go forward. A folder a dialect, because column types differ; a test holds the two together. Number
// 12 is skipped for good: a database that has a later one refuses it.
//
//go:embed migrations
var migrations embed.FS

// versionTable is where goose notes what it has done.
const versionTable = "goose_db_version"

func migrate(ctx context.Context, db *sql.DB, dialect string) error {
	folder, err := fs.Sub(migrations, "migrations/"+dialect)
	if err != nil {
		return err
	}
	kind := goose.DialectSQLite3
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithTableName(versionTable)}
	if dialect == PostgreSQL {
		kind = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(kind, db, folder, options...)
	if err != nil {
		return fmt.Errorf("sqlstore: migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	v, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: migrate: %w", err)
	}
	return checkVersion(dialect, v, true)
}

// target is the version of the newest migration in this program.
func target(dialect string) (newest int64) {
	files, err := fs.ReadDir(migrations, "migrations/"+dialect)
	if err != nil {
		panic(err) // they are part of the program
	}
	for _, f := range files {
		v, err := strconv.ParseInt(f.Name()[:5], 10, 64)
		if err != nil {
			panic(err)
		}
		newest = max(newest, v)
	}
	return newest
}

func checkVersion(dialect string, version int64, mustExist bool) error {
	if version == 0 && mustExist {
		return ErrEmpty
	}
	if t := target(dialect); version > t {
		return ErrNewer.Arg("detail", fmt.Sprintf("%d > %d", version, t)).Arg("found", version).Arg("known", t)
	}
	return nil
}
