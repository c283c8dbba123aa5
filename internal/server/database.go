package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"countersign/internal/adapter/bus"
	"countersign/internal/adapter/sqlstore"
)

// openDatabase opens and migrates the database, and the bell that belongs to it: between several
// nodes it rings through PostgreSQL, in one node through memory. An instance that must exist has a schema.
func (s *Server) openDatabase(ctx context.Context, mustExist bool) error {
	if !mustExist {
		if err := os.MkdirAll(s.Config.DataDir, 0o700); err != nil {
			return err
		}
	}
	leave, err := Occupy(s.Config)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, leave)
	db, err := sqlstore.Open(ctx, sqlstore.Options{URL: s.Config.Database.URL.Reveal(), Path: s.Config.SQLiteFile(), Logger: s.Log, MustExist: mustExist})
	if errors.Is(err, sqlstore.ErrEmpty) {
		return s.empty()
	}
	if err != nil {
		return err
	}
	s.closers = append(s.closers, db.Close)
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	s.DB = db
	if db.Dialect() != sqlstore.PostgreSQL {
		s.Bell = &bus.Hub{}
		return nil
	}
	bell, err := bus.Open(ctx, s.Config.Database.URL.Reveal(), s.Log)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, bell.Close)
	s.Bell = bell
	return nil
}

// empty is what is wrong with a database without a schema: it was dropped, or is another one.
func (s *Server) empty() error {
	if _, err := os.Stat(s.Config.MasterKeyFile); errors.Is(err, fs.ErrNotExist) {
		return keyless(s.Config.MasterKeyFile, nil)
	}
	return fmt.Errorf("%s: %w", s.Config.DatabaseName(), ErrOtherDatabase)
}
